"""Two networks trained with a few seeds each: is one better, and which difference could have been seen at all?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.stats.checks import check_confidence, check_sample
from netwright.stats.shuffles import moments_of_gap, permutation_p, smallest_p, welch, welch_t

__all__ = ["FEWEST_SEEDS", "SeedTest", "seed_test"]

FEWEST_SEEDS = 4  # of each: of 3 against 3, even complete separation happens by chance in 10%
_REPEATS = 9999


@dataclass(frozen=True, slots=True)
class SeedTest:
    """The errors of one network over seeds against those of another one.

    Attributes:
        n_a, n_b: Number of seeds.
        difference: mean a - mean b; below 0 where a is better.
        interval: Its confidence interval (Welch's); None with one seed of a side, or where no seed changes anything.
        p_value: The larger of Welch's t-test's and the permutation test's, two-sided; 1 with one seed of a side.
        smallest_p: The smallest p-value that so many seeds can give: 0.1 for 3 against 3, 0.029 for 4 against 4.
        detectable: Half the width of the interval: a smaller difference would not have been told from seed noise. None
            where there is no interval.
        confidence: Of the interval, and 1 - the level of `is_separated`.
    """

    n_a: int
    n_b: int
    difference: float
    interval: tuple[float, float] | None
    p_value: float
    smallest_p: float
    detectable: float | None
    confidence: float

    @property
    def is_separated(self) -> bool:
        """Whether the seeds show a difference: at least four of each, and a p-value at or below the level."""
        return min(self.n_a, self.n_b) >= FEWEST_SEEDS and self.p_value <= 1 - self.confidence + 1e-12


def seed_test(a: npt.ArrayLike, b: npt.ArrayLike, confidence: float = 0.95) -> SeedTest:
    """Whether the mean errors of two networks differ by more than their seeds explain.

    Welch's t-test assumes normal noise, the permutation test assumes equal noise; p is the larger of both. From four
    seeds of each on, and with spreads that differ up to four times, at most 6% of equal pairs are called different.

    Args:
        a: (n,) errors of one network, one for each seed.
        b: (m,) errors of the other one.
        confidence: Of the interval.

    Raises:
        StatsError: An empty sample, NaN or infinity.
    """
    first, second = np.sort(check_sample(a, "a")), np.sort(check_sample(b, "b"))
    check_confidence(confidence)
    interval: tuple[float, float] | None = None
    p_value, difference = 1.0, float(first.mean() - second.mean())
    if min(first.size, second.size) > 1:
        scale = float(max(np.abs(first).max(), np.abs(second).max()))
        rng = np.random.default_rng(0)
        shuffled = permutation_p(first, second, lambda x, y: welch_t(x, y, scale), _REPEATS, "two-sided", rng)
        gap, variance, freedom = moments_of_gap(first, second)
        varies = variance > 1e-14 * scale**2
        welch_p, interval = welch(gap, variance, freedom if varies else 0.0, confidence)
        p_value = max(shuffled, welch_p)
    return SeedTest(
        n_a=first.size,
        n_b=second.size,
        difference=difference,
        interval=interval,
        p_value=p_value,
        smallest_p=smallest_p(first.size, second.size),
        detectable=None if interval is None else (interval[1] - interval[0]) / 2,
        confidence=confidence,
    )
