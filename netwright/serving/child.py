"""A process that answers one question after another, for work that would let no thread of the server run meanwhile."""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from netwright.serving.errors import RequestError
from netwright.system.machine import release_memory, share_memory

__all__ = ["Child", "answer_questions"]

_SIZE = struct.Struct("<Q")  # before each message, both ways; data follow the message that tells their size
_LARGE_BYTES = 1 << 20  # of data, after which memory is given back
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each thread takes memory, and none is needed
_NICE = 10  # the network and whoever asks for health come first


class Child:
    """A child process, `python -m MODULE`, whose module calls `answer_questions`. It starts with the first question.

    Args:
        module: Its name.
        memory: Bytes of data that it may have; None for the module's own limit.
    """

    def __init__(self, module: str, memory: int | None = None) -> None:
        self._command = [sys.executable, "-m", module, *([] if memory is None else [str(memory)])]
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, data: bytes, *more: Any) -> Any:
        """Ask about some data: (True, what it says) or (False, reason, message) of a RequestError. Other threads run
        meanwhile.

        Raises:
            OSError: It has died.
            EOFError: It has died.
        """
        if self.process is None:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | _ONE_THREAD | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        source, target = self.process.stdout, self.process.stdin
        assert source is not None
        assert target is not None
        question = pickle.dumps((len(data), more))
        target.write(_SIZE.pack(len(question)) + question)
        target.write(data)  # by itself, without a copy
        target.flush()
        return pickle.loads(_read(source, _SIZE.unpack(_read(source, _SIZE.size))[0]))

    def kill(self) -> None:
        """End it; whoever waits for its answer gets an EOFError, and calls `close`."""
        if self.process is not None:
            self.process.kill()

    def close(self) -> None:
        """End it, and forget it."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # it has not read all that it was sent
                    stream.close()


def answer_questions(answer: Callable[..., Any], too_large: str, memory: int) -> None:
    """Answer one question after another, from standard input, until it ends.

    Args:
        answer: Called with the data, and what else was asked; its RequestError is an answer too.
        too_large: What is said where memory is missing.
        memory: Bytes of data that this process may have.
    """
    _limit_memory(memory)
    share_memory()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not reach the server
    while head := source.read(_SIZE.size):
        size, more = pickle.loads(source.read(_SIZE.unpack(head)[0]))
        found = pickle.dumps(_answer(answer, source, size, more, too_large))
        target.write(_SIZE.pack(len(found)) + found)
        target.flush()
        del found
        if size > _LARGE_BYTES:
            release_memory()


def _answer(
    answer: Callable[..., Any], source: BinaryIO, size: int, more: tuple[Any, ...], too_large: str
) -> tuple[Any, ...]:
    data = source.read(size)
    try:
        return (True, answer(data, *more))
    except RequestError as error:
        return (False, error.reason, str(error))
    except MemoryError:
        return (False, "too_large", too_large)


def _limit_memory(memory: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    except (ImportError, OSError, ValueError):  # this system has no such limit
        pass


def _read(source: Any, size: int) -> bytes:
    data: bytes = source.read(size)
    if len(data) < size:
        raise EOFError
    return data
