"""The process that parses large JSON: `python -m netwright.serving.protocol.json_process`.

Parsing is one call of C that lets nobody else run, in whatever thread. In a process of its own it holds up neither the
event loop nor health checks, and what it takes is given back when it is ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from netwright.serving.child import answer_questions
from netwright.serving.protocol.infer_json import read_request
from netwright.serving.protocol.instances import read_instances, read_mindspore_instances
from netwright.serving.protocol.tensors import InferRequest, numbers_of

__all__ = ["KINDS", "parse"]

_MOST_BYTES = 512 << 20  # of this process's memory


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


def _answer(body: bytes, kind: str, *more: Any) -> Any:
    return parse(kind, body, *more)


if __name__ == "__main__":
    answer_questions(_answer, "this JSON takes more memory than there is.", _MOST_BYTES)
