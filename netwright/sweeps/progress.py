"""How far a sweep is: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.columns import Columns

__all__ = ["NullProgress", "Progress", "clock"]

_LINE_EVERY = 10.0  # seconds
_ROOT = "netwright"  # the logger above those of all modules


def clock(seconds: float) -> str:
    """`0:07`, `12:34`, `1:02:03`."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


class NullProgress:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def start(self, title: str, done: int, total: int) -> None:
        """A sweep of `total` trials begins, `done` of which were finished before."""

    def update(self, done: float, finished: int, failed: int, best: float | None, mean: float | None) -> None:
        """Where the sweep is.

        Args:
            done: Trials, with the parts of running ones.
            finished: Trials with an error.
            failed: Trials without one.
            best: Lowest error in percent, None where there is none yet.
            mean: Mean error in percent, likewise.
        """


class Progress(NullProgress):
    """Trials done and failed, best and mean error, time left; and between these the messages that netwright logs.

    While it is open (in a with statement) it handles the records of the logger "netwright" from level INFO on: each is
    a line that stays above the bar.

    Args:
        stream: Where it is shown; None is standard error.
        now: A clock in seconds.
    """

    def __init__(self, stream: TextIO | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._now = now
        self._live = None
        if self._stream.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(file=self._stream), refresh_per_second=4, transient=True)
        self._handler, self._level = _Lines(self.write_line), logging.NOTSET
        self._title, self._begun, self._done_before, self._total, self._last = "", 0.0, 0, 0, 0.0

    def __enter__(self) -> Self:
        logger = logging.getLogger(_ROOT)
        self._level = logger.level
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
        logger.addHandler(self._handler)
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()
        logger = logging.getLogger(_ROOT)
        logger.removeHandler(self._handler)
        logger.setLevel(self._level)

    def start(self, title: str, done: int, total: int) -> None:
        self._title, self._done_before, self._total = title, done, total
        self._begun = self._now()
        self._last = 0.0
        if done:
            more = "; continuing" if done < total else ""
            self.write_line(f"{title}: {done} of {total} trials were finished before{more}")

    def update(self, done: float, finished: int, failed: int, best: float | None, mean: float | None) -> None:
        elapsed = self._now() - self._begun
        fresh = done - self._done_before
        left = clock(elapsed / fresh * (self._total - done)) if fresh > 0.2 else "-:--"
        errors = "" if best is None or mean is None else f"  best {best:.2f}%  mean {mean:.2f}%"
        failures = f"  {failed} failed" if failed else ""
        text = f"{finished}/{self._total} trials{failures}{errors}  {clock(elapsed)} gone, {left} left"
        is_over = finished + failed == self._total
        if self._live is not None:
            self._live.update("" if is_over else _bar(self._title, done / max(1, self._total), text))
        if is_over or (self._live is None and elapsed - self._last >= _LINE_EVERY):
            self._last = elapsed
            self.write_line(f"{self._title}: {text}")

    def write_line(self, text: str) -> None:
        """A line that stays."""
        if self._live is not None:
            self._live.console.print(text, highlight=False, markup=False)
        else:
            self._stream.write(f"{text}\n")
            self._stream.flush()


class _Lines(logging.Handler):
    """Log records as lines, without level and time: they are for people."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record))
        except Exception:
            self.handleError(record)


def _bar(title: str, share: float, text: str) -> Columns:
    from rich.columns import Columns
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    return Columns([Text(title, style="bold"), ProgressBar(total=1.0, completed=share, width=24), Text(text)])
