"""Whether two error distributions differ, looked at after every trial: a Kolmogorov-Smirnov test for all looks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, check_confidence, check_sample
from netwright.stats.sequential import OfTwo
from netwright.stats.time_uniform import (
    EQUAL_SIZES,
    START,
    chance_of_crossing,
    check_start,
    epoch_of,
    level_of,
    sequential_half_width,
    share_of,
)

__all__ = ["SequentialKs", "largest_gap", "sequential_ks", "sequential_ks_gap"]

_FEWEST = 4  # the inequality of Wei and Dudley (2012) holds from here on


def sequential_ks_gap(n: int, confidence: float = 0.95, start: int = START, most: int | None = None) -> float:
    """The gap between two EDFs that shows a difference where n networks of each, or more, are known; 0 to 1.

    At 95%: 0.61 at n = 16, 0.33 at 100, 0.14 at 500; a test for one look needs 0.48, 0.19 and 0.086.

    Args:
        n: Of the smaller population.
        confidence: Probability that equal distributions never show such a gap, at none of all looks.
        start: n of the first look, chosen before any; 4 or more.
        most: The largest n that will ever be looked at, chosen before the first look; None where there is no end.
    """
    _check(confidence, start, most)
    check_start(n, start, most)
    if n < start:
        return 1.0
    epoch, begin = epoch_of(n, start)
    level = level_of((1 - confidence) * share_of(epoch, start, most), EQUAL_SIZES)
    return float(min(1.0, level / np.sqrt(begin)))


def largest_gap(a: FloatArray, b: FloatArray) -> float:
    """sup |F_a - F_b|. a: (n,); b: (m,), in any order."""
    first, second = np.sort(a), np.sort(b)
    steps = np.concatenate([first, second])
    below = [np.searchsorted(each, steps, side="right") / each.size for each in (first, second)]
    return float(np.abs(below[0] - below[1]).max())


@dataclass(frozen=True, slots=True, eq=False)
class SequentialKs(OfTwo):
    """A two-sample Kolmogorov-Smirnov test that stays valid when it is looked at after every trial.

    The largest gap is a reverse submartingale in both sample sizes, and at equal ones its tail is bounded by Wei and
    Dudley's two-sample DKW inequality (2012); see `netwright.stats.time_uniform`. What the larger population has more
    than the smaller one makes the gap more exact, but the bound no narrower.

    Attributes:
        a, b: (n_a,), (n_b,) errors in their order.
        statistic: The largest gap between both EDFs now, 0 to 1; 0 before there are both.
        p_value: Valid at all looks: the smallest level at which some look so far showed a difference; it never grows.
        confidence: Of decisions and intervals.
        start: Networks of each at the first look.
        most: Networks of each at the last look; None: without end.
    """

    confidence: float = 0.95
    start: int = START
    most: int | None = None
    a: FloatArray = field(default_factory=lambda: np.empty(0))
    b: FloatArray = field(default_factory=lambda: np.empty(0))
    statistic: float = 0.0
    p_value: float = 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the largest gap between the true distributions lies, at all looks at once.

        From a band around each EDF, so it is wider than the test: 0 can be in it though a difference is shown.
        """
        each = 1 - (1 - self.confidence) / 2
        sizes = [n for n in (self.n_a, self.n_b) if n]
        ends = [n if self.most is None else min(n, self.most) for n in sizes]
        reach = sum(sequential_half_width(n, each, self.start, self.most) for n in ends) if len(ends) == 2 else 1.0
        return max(0.0, self.statistic - reach), min(1.0, self.statistic + reach)

    @property
    def decision(self) -> str:
        """What is shown: "different" or "undecided"."""
        return "different" if self.p_value <= 1 - self.confidence else "undecided"

    def update(self, a: npt.ArrayLike = (), b: npt.ArrayLike = ()) -> SequentialKs:
        """The test with more errors, (k,) and (l,), in the order of their trials.

        Raises:
            StatsError: NaN or infinity, or more networks than `most` of the smaller population.
        """
        first = np.concatenate([self.a, check_sample(a, "a", minimum=0)])
        second = np.concatenate([self.b, check_sample(b, "b", minimum=0)])
        known, least = min(self.n_a, self.n_b), min(first.size, second.size)
        if not least:
            return replace(self, a=first, b=second)
        check_start(least, self.start, self.most)
        p_value = self.p_value
        for n in range(max(known + 1, self.start), least):  # looks between the last one and this one
            p_value = min(p_value, self._p(largest_gap(first[:n], second[:n]), n))
        gap = largest_gap(first, second)
        if least >= self.start:
            p_value = min(p_value, self._p(gap, least))
        return replace(self, a=first, b=second, statistic=gap, p_value=p_value)

    def _p(self, gap: float, n: int) -> float:
        epoch, begin = epoch_of(n, self.start)
        chance = chance_of_crossing(gap * float(np.sqrt(begin)), EQUAL_SIZES)
        return min(1.0, chance / share_of(epoch, self.start, self.most))


def sequential_ks(
    a: npt.ArrayLike = (),
    b: npt.ArrayLike = (),
    confidence: float = 0.95,
    start: int = START,
    most: int | None = None,
) -> SequentialKs:
    """A test of whether two error distributions differ, to be looked at after every trial.

        test = sequential_ks()
        test = test.update(a=[31.2], b=[29.9])
        test.decision

    Args:
        a: (n,) errors so far, in the order of their trials; none to begin with.
        b: (m,) likewise.
        confidence: Probability that equal distributions are never called different.
        start: Networks of each at the first look; 4 or more.
        most: Networks of each at the last look, where there is one: then smaller gaps show a difference.

    Raises:
        StatsError: NaN or infinity, or sizes that make no sense.
    """
    _check(confidence, start, most)
    return SequentialKs(confidence, start, most).update(a, b)


def _check(confidence: float, start: int, most: int | None) -> None:
    check_confidence(confidence)
    check_start(start, start, most)
    if start < _FEWEST:
        raise StatsError(f"start must be at least {_FEWEST} networks of each, not {start}: 16 is a good start.")
