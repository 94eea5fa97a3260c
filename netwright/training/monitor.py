"""Show the progress of a training: a live bar on a terminal, the lines that MindCV's users know elsewhere."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from netwright.stats.guessing import shows_top5
from netwright.system.plural import count
from netwright.system.progress import Display
from netwright.training.records import EpochRecord, Score

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["ConsoleMonitor", "NullMonitor"]


class NullMonitor:
    """Shows nothing. A monitor of your own may subclass it; messages of a training are logged, not passed to it."""

    def prepare(self) -> None:
        """Images and network are being opened; `start` follows, or `close`."""

    def start(self, epochs: int, steps: int, log_interval: int, *, live: bool = True) -> None:
        """A training of `epochs` epochs of `steps` batches starts.

        Args:
            epochs: Of the whole training.
            steps: Batches per epoch.
            log_interval: Batches between lines.
            live: Whether a person may watch the output live.
        """

    def start_epoch(self, epoch: int, batches: int, images: int) -> None:
        """An epoch starts, or resumes after `batches` batches; images: per batch on all devices together."""

    def step(self, batches: int, loss: Any, lr: float) -> None:
        """`batches` batches of the epoch are done; loss: of the last one, a tensor to be read only when it is shown."""

    def end_epoch(self, record: EpochRecord) -> None:
        """An epoch is over."""

    def close(self) -> None:
        """The training is over, or was interrupted."""


class ConsoleMonitor(NullMonitor):
    """Shows progress, and what netwright logs meanwhile, on a stream.

    Args:
        stream: By default standard output.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._given = stream
        self._display: Display[Progress] | None = None
        self._bar: Any = None
        self._epochs = self._steps = self._interval = 1
        self._epoch = self._images = self._first = 0
        self._started = self._last = time.monotonic()
        self._before: int | None = None

    def prepare(self) -> None:
        self._display = Display(self._given or sys.stdout, _make_bar, live=False)
        self._display.__enter__()

    def start(self, epochs: int, steps: int, log_interval: int, *, live: bool = True) -> None:
        self.close()
        self._epochs, self._steps, self._interval, self._before = epochs, steps, log_interval, None
        self._display = Display(self._given or sys.stdout, _make_bar, live=live)
        if self._display.live is not None:
            self._bar = self._display.live.add_task("", total=epochs * steps, rate="", loss="")
        self._display.__enter__()

    def start_epoch(self, epoch: int, batches: int, images: int) -> None:
        assert self._display is not None, "start() comes first"
        self._epoch, self._images, self._first = epoch, images, batches
        self._started = self._last = time.monotonic()
        done = (epoch - 1) * self._steps + batches
        if self._before is None:
            self._before = done
            if self._display.live is not None:
                self._display.live.reset(self._bar, total=self._epochs * self._steps - done)

    def step(self, batches: int, loss: Any, lr: float) -> None:
        assert self._display is not None, "start() comes first"
        now = time.monotonic()
        is_due = batches % self._interval == 0 or batches == self._steps
        if self._display.live is not None:
            if is_due or now - self._last > 0.5:
                self._last = now
                done = (self._epoch - 1) * self._steps + batches - (self._before or 0)
                rate = (batches - self._first) * self._images / max(1e-9, now - self._started)
                self._display.live.update(
                    self._bar,
                    completed=done,
                    description=f"epoch {self._epoch}/{self._epochs}",
                    rate=f"{rate:,.0f} images/s",
                    loss=f"loss {float(loss):.4f}",
                )
        elif is_due:
            self._display.write_line(
                f"Epoch: [{self._epoch}/{self._epochs}], batch: [{batches}/{self._steps}], loss: {float(loss):.6f}, "
                f"lr: {lr:.6f}, time: {now - self._last:.6f}s"
            )
            self._last = now

    def end_epoch(self, record: EpochRecord) -> None:
        assert self._display is not None, "start() comes first"
        parts = [
            f"epoch {record.epoch}/{self._epochs}: loss {record.loss:.4f}, accuracy {100 - record.train_error:.2f}%"
        ]
        if math.isnan(record.loss):
            parts = [f"epoch {record.epoch}/{self._epochs}: loss nan, no step was done"]
        parts += [
            _score_text(name, score)
            for name, score in (("validation", record.validation), ("moving average", record.ema))
            if score is not None
        ]
        parts.append(f"{record.images_per_second:,.0f} images/s, {record.train_seconds + record.eval_seconds:.1f} s")
        if record.skipped:
            parts.append(f"{count(record.skipped, 'step')} skipped")
        if record.bad_images:
            parts.append(count(record.bad_images, "bad image"))
        self._display.write_line("; ".join(parts))

    def close(self) -> None:
        if self._display is not None:
            self._display.__exit__(None, None, None)
            self._display = None


def _score_text(name: str, score: Score) -> str:
    is_shown = score.top5 is not None and (not score.classes or shows_top5(score.classes))
    five = f", top-5 {score.top5:.2f}%" if is_shown else ""
    text = f"{name} accuracy {score.top1:.2f}%{five}, loss {score.loss:.4f}"
    if not score.bad_images:
        return text
    return f"{text} ({score.images:,} of {score.images + score.bad_images:,} images, the others cannot be read)"


def _make_bar(console: Console) -> Progress:
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
    return Progress(*columns, console=console, transient=True, refresh_per_second=2)
