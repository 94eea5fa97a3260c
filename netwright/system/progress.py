"""What progress displays share: a live display on a terminal, plain lines elsewhere, and log messages as lines."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Protocol, Self, TextIO, TypeVar

from netwright.system.console import tolerate

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Display"]

_ROOT = "netwright"  # the logger above those of all modules


class _Live(Protocol):
    """What rich's Live and Progress have in common."""

    @property
    def console(self) -> Console: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


LiveT = TypeVar("LiveT", bound=_Live)


class Display(Generic[LiveT]):
    """Writes lines to a stream, above a live display of rich where the stream is a terminal.

    While it is open (in a `with` statement), what netwright logs from level INFO on is written as lines too.

    Args:
        stream: Where to write.
        make_live: Makes the live display for a console.
        live: False never makes one.

    Attributes:
        live: The live display; None where there is none.
    """

    def __init__(self, stream: TextIO, make_live: Callable[[Console], LiveT], *, live: bool = True) -> None:
        tolerate(stream)
        self._stream = stream
        self.live: LiveT | None = None
        if live and stream.isatty():
            from rich.console import Console

            self.live = make_live(Console(file=stream))
        self._handler, self._level = _LineHandler(self.write_line), logging.NOTSET

    def __enter__(self) -> Self:
        logger = logging.getLogger(_ROOT)
        self._level = logger.level
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
        logger.addHandler(self._handler)
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.live is not None:
            self.live.stop()
        logger = logging.getLogger(_ROOT)
        logger.removeHandler(self._handler)
        logger.setLevel(self._level)

    def write_line(self, text: str) -> None:
        """Write a line that stays."""
        if self.live is not None:
            self.live.console.print(text, highlight=False, markup=False)
        else:
            self._stream.write(f"{text}\n")
            self._stream.flush()


class _LineHandler(logging.Handler):
    """Writes log records as lines, without level and time: they are for people."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record))
        except Exception:
            self.handleError(record)
