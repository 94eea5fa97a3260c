"""How far a sweep is: a live bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.columns import Columns

__all__ = ["NullProgress", "Progress", "clock"]

_LINE_EVERY = 10.0  # seconds


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
        """A sweep of `total` trials begins, `done` of which are finished already."""

    def update(self, done: float, finished: int, failed: int, best: float | None, mean: float | None) -> None:
        """done: trials, the parts of running ones included."""

    def say(self, text: str) -> None:
        """A line that stays."""


class Progress(NullProgress):
    """To a stream: trials done, failed, best and mean error, time left."""

    def __init__(self, stream: TextIO | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._now = now
        self._live = None
        if self._stream.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(file=self._stream), refresh_per_second=4, transient=True)
        self._title, self._begun, self._done_before, self._total, self._last = "", 0.0, 0, 0, 0.0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def start(self, title: str, done: int, total: int) -> None:
        self._title, self._done_before, self._total = title, done, total
        self._begun = self._now()
        self._last = 0.0
        if done:
            self.say(f"{title}: {done} of {total} trials were finished before{'; going on' if done < total else ''}")

    def update(self, done: float, finished: int, failed: int, best: float | None, mean: float | None) -> None:
        elapsed = self._now() - self._begun
        fresh = done - self._done_before
        left = clock(elapsed / fresh * (self._total - done)) if fresh > 0.2 else "-:--"
        errors = "" if best is None or mean is None else f"  best {best:.2f}%  mean {mean:.2f}%"
        failures = f"  {failed} failed" if failed else ""
        words = f"{finished}/{self._total} trials{failures}{errors}  {clock(elapsed)} gone, {left} left"
        is_over = finished + failed == self._total
        if self._live is not None:
            self._live.update("" if is_over else _bar(self._title, done / max(1, self._total), words))
        if is_over or (self._live is None and elapsed - self._last >= _LINE_EVERY):
            self._last = elapsed
            self.say(f"{self._title}: {words}")

    def say(self, text: str) -> None:
        if self._live is not None:
            self._live.console.print(text, highlight=False, markup=False)
        else:
            print(text, file=self._stream, flush=True)


def _bar(title: str, share: float, words: str) -> Columns:
    from rich.columns import Columns
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    return Columns([Text(title, style="bold"), ProgressBar(total=1.0, completed=share, width=24), Text(words)])
