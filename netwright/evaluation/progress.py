"""How far a validation is: a live bar on a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Live

__all__ = ["Progress"]

_LINE_EVERY = 10.0  # seconds
_DRAW_EVERY = 0.2


class Progress:
    """Shows how many of `total` images are done. world: ranks, each of which does as many as this one."""

    def __init__(
        self, total: int, world: int = 1, stream: TextIO | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._total, self._world, self._now = total, world, now
        self._stream = stream or sys.stderr
        self._started = self._last = now()
        self._live: Live | None = _live(self._stream) if self._stream.isatty() else None
        self._bar = None if self._live is None else self._live.add_task("validating", total=total, rate="")

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, images: int) -> None:
        """This rank has done so many."""
        now = self._now()
        every = _LINE_EVERY if self._live is None else _DRAW_EVERY
        if now - self._last < every:
            return
        self._last = now
        done = min(self._total, images * self._world)
        rate = done / max(1e-9, now - self._started)
        if self._live is not None and self._bar is not None:
            self._live.update(self._bar, completed=done, rate=f"{rate:,.0f} images/s")
        else:
            left = (self._total - done) / max(1e-9, rate)
            self._stream.write(f"{done:,} of {self._total:,} images, {rate:,.0f} images/s, {left:.0f} s left\n")
            self._stream.flush()


def _live(stream: TextIO) -> Live:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    return Progress(*columns, console=Console(file=stream), transient=True)
