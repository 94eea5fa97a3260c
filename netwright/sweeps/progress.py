"""How far a sweep is: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from netwright.system.progress import Display

if TYPE_CHECKING:
    from rich.columns import Columns
    from rich.console import Console
    from rich.live import Live

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
        """A sweep of `total` trials begins, `done` of which were finished before."""

    def expect(self, later: Callable[[float, float], float] | None) -> None:
        """What follows the sweep that is started next.

        Args:
            later: (seconds of a trial, seconds left of the sweep) -> seconds of all that follows; None for nothing.
        """

    def update(
        self, done: float, finished: int, failed: int, best: float | None, mean: float | None, pruned: int = 0
    ) -> None:
        """Where the sweep is.

        Args:
            done: Trials, with the parts of running ones.
            finished: Trials with an error.
            failed: Trials without one.
            best: Lowest error in percent, None where there is none yet.
            mean: Mean error in percent, likewise; a network that failed counts as 100%.
            pruned: Trials that were ended early; they have no error.
        """


class Progress(NullProgress):
    """Trials done and failed, best and mean accuracy, time left; and between these the messages that netwright logs.

    While it is open (in a with statement) it handles the records of the logger "netwright" from level INFO on: each is
    a line that stays above the bar.

    Args:
        stream: Where it is shown; None is standard error.
        now: A clock in seconds.
    """

    def __init__(self, stream: TextIO | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._display = Display(stream or sys.stderr, _make_live)
        self._now = now
        self._title, self._begun, self._done_before, self._total, self._last = "", 0.0, 0, 0, 0.0
        self._later: Callable[[float, float], float] | None = None

    def __enter__(self) -> Self:
        self._display.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._display.__exit__(kind, error, at)

    def start(self, title: str, done: int, total: int) -> None:
        self._title, self._done_before, self._total = title, done, total
        self._begun = self._now()
        self._last = 0.0
        if done:
            more = "; continuing" if done < total else ""
            self._display.write_line(f"{title}: {done} of {total} trials were finished before{more}")

    def expect(self, later: Callable[[float, float], float] | None) -> None:
        self._later = later

    def update(
        self, done: float, finished: int, failed: int, best: float | None, mean: float | None, pruned: int = 0
    ) -> None:
        elapsed = self._now() - self._begun
        fresh = done - self._done_before
        left = self._left(elapsed / fresh, self._total - done) if fresh > 0.2 else "-:-- left"
        errors = "" if best is None or mean is None else f"  best accuracy {100 - best:.2f}%  mean {100 - mean:.2f}%"
        failures = "".join(f"  {many} {what}" for many, what in ((failed, "failed"), (pruned, "pruned")) if many)
        text = f"{finished}/{self._total} trials{failures}{errors}  {clock(elapsed)} gone, {left}"
        is_over = finished + failed + pruned == self._total
        if self._display.live is not None:
            self._display.live.update("" if is_over else _bar(self._title, done / max(1, self._total), text))
        if is_over or (self._display.live is None and elapsed - self._last >= _LINE_EVERY):
            self._last = elapsed
            self._display.write_line(f"{self._title}: {text}")

    def _left(self, trial: float, waiting: float) -> str:
        """Of this sweep, and of all. trial: seconds of one."""
        left = trial * waiting
        everything = left if self._later is None else left + self._later(trial, left)
        return f"{clock(left)} left" + (f", {clock(everything)} with the next steps" if everything > left else "")


def _make_live(console: Console) -> Live:
    from rich.live import Live

    return Live(console=console, refresh_per_second=4, transient=True)


def _bar(title: str, share: float, text: str) -> Columns:
    from rich.columns import Columns
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    return Columns([Text(title, style="bold"), ProgressBar(total=1.0, completed=share, width=24), Text(text)])
