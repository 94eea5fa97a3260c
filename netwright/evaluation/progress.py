"""How far a validation, or another pass over images, is: a live bar, or without a terminal a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from netwright.system.progress import Display

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Live

__all__ = ["Progress"]

_LINE_EVERY = 10.0  # seconds
_DRAW_EVERY = 0.2


class Progress:
    """Shows how many of `total` images are done. world: ranks, each of which does as many as this one."""

    def __init__(
        self,
        total: int,
        world: int = 1,
        stream: TextIO | None = None,
        now: Callable[[], float] = time.monotonic,
        *,
        what: str = "validating",
    ) -> None:
        self._total, self._world, self._now = total, world, now
        self._started = self._last = now()
        self._display = Display(stream or sys.stderr, _make_bar)
        live = self._display.live
        self._bar = None if live is None else live.add_task(what, total=total, rate="")

    def __enter__(self) -> Self:
        self._display.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._display.__exit__(kind, error, at)

    def update_of(self, images: int, total: int) -> None:
        """So many of `total` are done, which was not known before."""
        live = self._display.live
        if total != self._total and live is not None and self._bar is not None:
            live.update(self._bar, total=total)
        self._total = total
        self.update(images)

    def update(self, images: int) -> None:
        """This rank has done so many."""
        now = self._now()
        live = self._display.live
        every = _LINE_EVERY if live is None else _DRAW_EVERY
        if now - self._last < every:
            return
        self._last = now
        done = min(self._total, images * self._world)
        rate = done / max(1e-9, now - self._started)
        if live is not None and self._bar is not None:
            live.update(self._bar, completed=done, rate=f"{rate:,.0f} images/s")
        else:
            left = (self._total - done) / max(1e-9, rate)
            self._display.write_line(f"{done:,} of {self._total:,} images, {rate:,.0f} images/s, {left:.0f} s left")


def _make_bar(console: Console) -> Live:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    return Progress(*columns, console=console, transient=True)
