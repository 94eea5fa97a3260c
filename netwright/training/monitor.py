"""How far a training is: a live bar on a terminal, the lines that MindCV's users know elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from netwright.training.records import EpochRecord, Score

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Monitor", "NullMonitor"]


class NullMonitor:
    """Shows nothing: ranks but the first."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def say(self, text: str) -> None:
        """A line that stays."""

    def begin(self, epoch: int, batches: int, images: int) -> None:
        """An epoch goes on from so many batches; images: of a batch on all devices."""

    def step(self, batches: int, loss: Any, lr: float) -> None:
        """So many batches of the epoch are done; loss: of the last one, read only when it is shown."""

    def end(self, record: EpochRecord) -> None:
        """An epoch is over."""


class Monitor(NullMonitor):
    """epochs of steps batches each; interval: batches between lines. live: a bar where the stream is a terminal."""

    def __init__(
        self, epochs: int, steps: int, interval: int, stream: TextIO | None = None, *, live: bool = True
    ) -> None:
        self._epochs, self._steps, self._interval = epochs, steps, interval
        self._stream = stream or sys.stdout
        self._epoch, self._images, self._first = 0, 0, 0
        self._begun = self._last = time.monotonic()
        self._live: Progress | None = _live(self._stream) if live and self._stream.isatty() else None
        self._bar = None if self._live is None else self._live.add_task("", total=epochs * steps, rate="", loss="")
        self._before: int | None = None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        if self._live is not None:
            self._live.console.print(text, highlight=False, markup=False)
        else:
            print(text, file=self._stream, flush=True)

    def begin(self, epoch: int, batches: int, images: int) -> None:
        self._epoch, self._images, self._first = epoch, images, batches
        self._begun = self._last = time.monotonic()
        done = (epoch - 1) * self._steps + batches
        if self._before is None:
            self._before = done
            if self._live is not None and self._bar is not None:
                self._live.reset(self._bar, total=self._epochs * self._steps - done)

    def step(self, batches: int, loss: Any, lr: float) -> None:
        now = time.monotonic()
        due = batches % self._interval == 0 or batches == self._steps
        if self._live is not None and self._bar is not None:
            if due or now - self._last > 0.5:
                self._last = now
                done = (self._epoch - 1) * self._steps + batches - (self._before or 0)
                rate = (batches - self._first) * self._images / max(1e-9, now - self._begun)
                self._live.update(
                    self._bar,
                    completed=done,
                    description=f"epoch {self._epoch}/{self._epochs}",
                    rate=f"{rate:,.0f} images/s",
                    loss=f"loss {float(loss):.4f}",
                )
        elif due:
            self.say(
                f"Epoch: [{self._epoch}/{self._epochs}], batch: [{batches}/{self._steps}], loss: {float(loss):.6f}, "
                f"lr: {lr:.6f}, time: {now - self._last:.6f}s"
            )
            self._last = now

    def end(self, record: EpochRecord) -> None:
        parts = [f"epoch {record.epoch}/{self._epochs}: loss {record.loss:.4f}, train error {record.train_error:.2f}%"]
        parts += [
            _score(name, score)
            for name, score in (("validation", record.validation), ("moving average", record.ema))
            if score is not None
        ]
        parts.append(f"{record.images_per_second:,.0f} images/s, {record.train_seconds + record.eval_seconds:.1f} s")
        if record.skipped:
            parts.append(f"{record.skipped} steps skipped")
        if record.bad_images:
            parts.append(f"{record.bad_images} bad images")
        self.say("; ".join(parts))


def _score(name: str, score: Score) -> str:
    five = "" if score.top5 is None else f", top-5 {score.top5:.2f}%"
    return f"{name} top-1 {score.top1:.2f}%{five}, loss {score.loss:.4f}"


def _live(stream: TextIO) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[rate]}  {task.fields[loss]}"),
        TimeElapsedColumn(),
        TextColumn("gone,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    return Progress(*columns, console=Console(file=stream), transient=True, refresh_per_second=2)
