"""How long the trials of a sweep take: from two timed networks, corrected by the trials that are done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.stats.bounds import dkw_half_width

__all__ = ["CostEstimate", "TrialCosts", "estimate"]

_FEWEST_DONE = 2  # trials from which the estimate is corrected


@dataclass(frozen=True, slots=True)
class TrialCosts:
    """Seconds of a trial on one worker: base + rate * flops, times what the trials so far took against that.

    Attributes:
        base: Seconds of a network without flops.
        rate: Seconds of a flop.
        factor: Correction by trials that are done; 1 before any.
    """

    base: float
    rate: float
    factor: float = 1.0

    @classmethod
    def of_probes(cls, flops: Sequence[float], seconds: Sequence[float]) -> TrialCosts:
        """From two networks, of few and of many flops. Neither part is below 0."""
        (low, high), (fast, slow) = flops, seconds
        if high <= low or slow <= fast:
            return cls(max(float(np.mean(seconds)), 1e-9), 0.0)
        rate = min((slow - fast) / (high - low), slow / high)
        return cls(max(slow - rate * high, 0.0), rate)

    def seconds(self, flops: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(n,) of trials with these flops."""
        return np.asarray(self.factor * (self.base + self.rate * np.asarray(flops, np.float64)))

    def corrected(self, flops: npt.ArrayLike, seconds: npt.ArrayLike) -> TrialCosts:
        """By trials that are done: (n,) flops and (n,) seconds of each. Of one nothing is concluded."""
        took = np.asarray(seconds, np.float64)
        if took.size < _FEWEST_DONE:
            return self
        plain = TrialCosts(self.base, self.rate).seconds(flops).sum()
        return TrialCosts(self.base, self.rate, float(took.sum() / max(plain, 1e-12)))


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a sweep takes.

    Attributes:
        trials: How many are to be trained.
        seconds: Until the last one ends, on all workers.
        worker_hours: Of all workers together.
        fitting: How many of them, in their order, end within the budget; all without one.
        half_width: Of the 95% band around the EDF of all trials, those included that are done already.
        fitting_half_width: Likewise, of those that fit.
    """

    trials: int
    seconds: float
    worker_hours: float
    fitting: int
    half_width: float
    fitting_half_width: float

    def text(self, budget: float | None = None) -> str:
        """The estimate, and what a budget of seconds gives up, in words."""
        hours = f"{self.worker_hours:.2f} worker-hours"
        whole = f"{self.trials:,} trials take about {_clock(self.seconds)} ({hours}); band within {self.half_width:.3f}"
        if budget is None or self.fitting >= self.trials:
            return whole
        return f"{whole}. In {_clock(budget)} about {self.fitting:,} of them: band within {self.fitting_half_width:.3f}"


def estimate(
    costs: TrialCosts, flops: Sequence[float], *, workers: int, done: int = 0, budget: float | None = None
) -> CostEstimate:
    """What these trials take, in their order.

    Args:
        costs: Of a trial.
        flops: (n,) of those that wait.
        workers: Trials at a time.
        done: Trials that are finished already.
        budget: Seconds there are; None for no end.
    """
    each = costs.seconds(flops)
    free = np.zeros(max(1, workers))
    ends = []
    for seconds in each:
        worker = int(free.argmin())
        free[worker] += seconds
        ends.append(float(free[worker]))
    whole = max(ends, default=0.0)
    late = next((place for place, end in enumerate(ends) if budget is not None and end > budget), len(ends))
    return CostEstimate(
        len(ends),
        whole,
        float(each.sum()) / 3600,
        late,
        dkw_half_width(max(1, done + len(ends)), 0.95),
        dkw_half_width(max(1, done + late), 0.95),
    )


def _clock(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
