"""Programs that go on when nobody reads their output any more, as after `| head` or in a terminal that was closed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

__all__ = ["outlive_readers"]


@contextmanager
def outlive_readers(name: str) -> Iterator[None]:
    """Where the reader of standard output or standard error is gone, write into the void from then on.

    Args:
        name: Of the program, for the sentence on standard error that says so.
    """
    before = sys.stdout, sys.stderr

    def tell() -> None:
        # standard error may have the same reader
        sys.stderr.write(f"{name}: nobody reads the output any more. It goes on, and keeps its record as before.\n")
        sys.stderr.flush()

    out, error = _Stream(before[0], tell), _Stream(before[1], lambda: None)
    sys.stdout, sys.stderr = out, error
    try:
        yield
    finally:
        out.flush()
        error.flush()
        if sys.stdout is out:
            sys.stdout = before[0]
        if sys.stderr is error:
            sys.stderr = before[1]


class _Stream:
    """A text stream that forgives a closed pipe."""

    def __init__(self, stream: TextIO, tell: Callable[[], None]) -> None:
        self._stream, self._tell = stream, tell

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._give_up()
            return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._give_up()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self) -> None:
        """What is still buffered, and all that follows, goes nowhere; the interpreter flushes it again at its end."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        self._tell()
