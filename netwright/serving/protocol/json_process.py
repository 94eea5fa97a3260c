"""The process that parses large JSON: `python -m netwright.serving.protocol.json_process`, bodies on standard input.

Parsing is one call of C that lets nobody else run, in whatever thread. In a process of its own it holds up neither the
event loop nor health checks, and what it takes is given back when it is ended.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, BinaryIO

from netwright.serving.errors import RequestError
from netwright.serving.protocol.infer_json import read_request
from netwright.serving.protocol.instances import read_instances, read_mindspore_instances
from netwright.serving.protocol.tensors import InferRequest, numbers_of
from netwright.system.machine import release_memory, share_memory

__all__ = ["KINDS", "SIZE", "main", "parse"]

SIZE = struct.Struct("<Q")  # before each message, both ways; a body follows the message that tells its size
_MOST_BYTES = 512 << 20  # of this process's memory
_LARGE_BYTES = 1 << 20  # of a message, after which memory is given back
_NICE = 5  # the network and whoever asks for health come first


def _infer(body: bytes, header_length: str | None) -> InferRequest:
    request = read_request(body, header_length)
    tensor = request.input
    if isinstance(tensor.data, memoryview):
        return replace(request, input=replace(tensor, data=bytes(tensor.data)))
    if isinstance(tensor.data, list) and tensor.datatype in ("FP32", "UINT8"):
        return replace(request, input=replace(tensor, data=numbers_of(tensor).tobytes()))
    return request


# kind of a body -> what reads it
KINDS: dict[str, Callable[..., Any]] = {
    "infer": _infer,
    "instances": read_instances,
    "mindspore": read_mindspore_instances,
}


def parse(kind: str, body: bytes, *more: Any) -> Any:
    """What a body says. RequestError where it is malformed.

    Args:
        kind: A key of KINDS.
        body: JSON.
        *more: For what reads it.
    """
    return KINDS[kind](body, *more)


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Answer one body after another with (True, what it says) or (False, reason, message)."""
    while head := source.read(SIZE.size):
        (kind, size, more) = pickle.loads(source.read(SIZE.unpack(head)[0]))
        body = source.read(size)
        try:
            answer: tuple[Any, ...] = (True, parse(kind, body, *more))
        except RequestError as error:
            answer = (False, error.reason, str(error))
        except MemoryError:
            answer = (False, "too_large", "this JSON takes more memory than there is.")
        del body
        data = pickle.dumps(answer)
        del answer
        target.write(SIZE.pack(len(data)) + data)
        target.flush()
        del data
        if size > _LARGE_BYTES:
            release_memory()


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
    except (ImportError, OSError, ValueError):  # this system has no such limit
        pass


if __name__ == "__main__":
    _limit_memory()
    share_memory()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    main(sys.stdin.buffer, sys.stdout.buffer)
