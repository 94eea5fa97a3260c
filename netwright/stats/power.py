"""How many networks a comparison needs, and what a number of networks can show: before anything is trained.

All is for the difference of the mean errors of two populations of equal size and spread. One look at the end is Welch's
t-test, which the permutation test of `compare` is like; looks on the way are `group_sequential`; a look after every
trial without assumptions is `sequential_means`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log

import numpy as np
import numpy.typing as npt
from scipy.special import nctdtr, ndtri, stdtr, stdtrit

from netwright.errors import StatsError
from netwright.stats.betting import STAKES
from netwright.stats.checks import FloatArray, check_confidence, check_sample
from netwright.stats.group_sequential import crossing_chances, spending_bounds
from netwright.stats.outcomes import WORST
from netwright.stats.shuffles import LEAST

__all__ = [
    "GroupPlan",
    "betting_trials",
    "check_power",
    "detectable_difference",
    "equivalence_trials",
    "group_plan",
    "power_of",
    "trials_for",
]

_MOST = 10_000_000  # networks: whoever needs more does not need a plan
_PAIRS = 300  # errors of a pilot that are paired each with each


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """A group-sequential test that has the power wanted.

    Attributes:
        spending: "obrien_fleming" or "pocock".
        looks: How many, equally far apart.
        most: Networks of each population at the last look.
        expected: Networks of each on average where the difference is as large as planned for.
        expected_null: Likewise where there is no difference.
    """

    spending: str
    looks: int
    most: int
    expected: float
    expected_null: float


def power_of(n: int, difference: float, spread: float, confidence: float = 0.95) -> float:
    """The probability that n networks of each show a difference of the means, two-sided.

    Args:
        n: Of each population, 2 or more.
        difference: The true one, in points.
        spread: Standard deviation of the errors of a population, in points.
        confidence: 1 - the level of the test.
    """
    if n < 2:
        return 0.0
    if spread == 0:
        return 1.0 if difference else 0.0
    freedom, shift = 2 * n - 2, abs(difference) / (spread * np.sqrt(2 / n))
    reach = float(-stdtrit(freedom, (1 - confidence) / 2))
    if shift > reach + 12:  # where scipy's series for large shifts ends
        return 1.0
    return float(1 - nctdtr(freedom, shift, reach) + nctdtr(freedom, shift, -reach))


def trials_for(difference: float, spread: float, power: float = 0.8, confidence: float = 0.95) -> int:
    """How many networks of each show a difference with that probability, in one look at the end; five at least.

    Args:
        difference: As for `power_of`, like `spread` and `confidence`.
        spread: Likewise.
        power: Probability that it is shown.
        confidence: Likewise.

    Raises:
        StatsError: A difference of 0, a power or a confidence outside 0 and 1, or more than 10 million networks.
    """
    check_power(power, confidence)
    check_confidence(confidence)
    _check_sizes(difference, spread)
    return _smallest(lambda n: power_of(n, difference, spread, confidence) >= power, difference)


def detectable_difference(n: int, spread: float, power: float = 0.8, confidence: float = 0.95) -> float:
    """The difference that n networks of each show with that probability, in points; infinite for fewer than two.

    Args:
        n: As for `power_of`, like `spread` and `confidence`.
        spread: Likewise.
        power: As for `trials_for`.
        confidence: Likewise.
    """
    check_power(power, confidence)
    check_confidence(confidence)
    if n < 2:
        return float("inf")
    low, high = 0.0, 60.0 * np.sqrt(2 / n)  # in standard deviations; t of two networks has a long tail
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if power_of(n, middle, 1.0, confidence) < power else (low, middle)
    return float(high * spread)


def equivalence_trials(margin: float, spread: float, power: float = 0.8, confidence: float = 0.95) -> int:
    """How many networks of each show that the difference is smaller than a margin, where there is none.

    Args:
        margin: In points.
        spread: As for `power_of`.
        power: Probability that it is shown.
        confidence: 1 - the level of both one-sided tests.

    Raises:
        StatsError: As `trials_for`.
    """
    check_power(power, confidence)
    check_confidence(confidence)
    _check_sizes(margin, spread, "margin")

    def shown(n: int) -> bool:
        if n < 2 or spread == 0:
            return n >= 2
        freedom = 2 * n - 2
        room = margin / (spread * np.sqrt(2 / n)) + float(stdtrit(freedom, 1 - confidence))
        return bool(2 * stdtr(freedom, room) - 1 >= power)

    return _smallest(shown, margin)


def group_plan(
    difference: float,
    spread: float,
    power: float = 0.8,
    confidence: float = 0.95,
    looks: int = 5,
    spending: str = "obrien_fleming",
) -> GroupPlan:
    """The networks that a group-sequential test needs, at most and on average.

    Args:
        difference: As for `trials_for`, like `spread`, `power` and `confidence`.
        spread: Likewise.
        power: Likewise.
        confidence: Likewise.
        looks: How many, equally far apart, 2 to 50.
        spending: "obrien_fleming" or "pocock".

    Raises:
        StatsError: As `trials_for`, or a number of looks that makes no sense.
    """
    fixed = trials_for(difference, spread, power, confidence)
    if not 2 <= looks <= 50:
        raise StatsError(f"looks must be 2 to 50, not {looks}: more of them change next to nothing.")
    times, stops, null = _inflation(power, confidence, looks, spending)
    most = max(LEAST * 2, ceil(times * fixed))
    return GroupPlan(spending, looks, most, most * stops, most * null)


@lru_cache(maxsize=64)
def _inflation(power: float, confidence: float, looks: int, spending: str) -> tuple[float, float, float]:
    """How many times as many networks as with one look, and which part of these is needed on average."""
    fractions = (np.arange(1, looks + 1) / looks).tolist()
    bounds = spending_bounds(fractions, confidence, spending)
    one = float(ndtri(power) - ndtri((1 - confidence) / 2))
    low, high = 0.5 * one, 3 * one
    for _ in range(16):
        middle = (low + high) / 2
        enough = crossing_chances(fractions, bounds, middle).sum() >= power
        low, high = (low, middle) if enough else (middle, high)
    at, null = (crossing_chances(fractions, bounds, drift) for drift in (high, 0.0))
    expected = [float(each @ fractions + 1 - each.sum()) for each in (at, null)]
    return max(1.0, (high / one) ** 2), expected[0], expected[1]


def betting_trials(
    errors: npt.ArrayLike,
    difference: float,
    power: float = 0.8,
    confidence: float = 0.95,
    bounds: tuple[float, float] = (0.0, WORST),
) -> int:
    """About how many pairs `sequential_means` needs, looked at after every trial; within a tenth of what it takes.

    Args:
        errors: (k,) of a pilot population, or as they are expected.
        difference: The true one, in points.
        power: Probability that it is shown by then.
        confidence: Of the test.
        bounds: As for `sequential_means`.

    Raises:
        StatsError: As `trials_for`, or errors outside the bounds.
    """
    e = np.sort(check_sample(errors))
    check_power(power, confidence)
    check_confidence(confidence)
    _check_sizes(difference, 1.0)
    width = bounds[1] - bounds[0]
    if e.size > _PAIRS:
        e = np.quantile(e, (np.arange(_PAIRS) + 0.5) / _PAIRS)
    gaps = np.clip(e[:, np.newaxis] + abs(difference) - e, -width, width).ravel() / width
    enough = log(2 / (1 - confidence))
    found = [_betting_n(np.log1p(stake * gaps), enough - log(weight), power) for stake, weight in STAKES.items()]
    fewest = min(found)
    if fewest > _MOST:
        raise StatsError(_too_many(difference))
    return ceil(fewest)


def _betting_n(gains: FloatArray, enough: float, power: float) -> float:
    """n at which n mean - z sqrt(n) deviation reaches `enough`; infinite where the capital falls."""
    mean, deviation = float(gains.mean()), float(gains.std())
    if mean <= 0:
        return float("inf")
    doubt = float(ndtri(power)) * deviation
    root = (doubt + np.sqrt(max(doubt**2 + 4 * mean * enough, 0.0))) / (2 * mean)
    return float(root**2)


def check_power(power: float, confidence: float = 1.0) -> None:
    """Raise StatsError for a power that is not between 0 and 1, or that chance alone has."""
    if not 0 < power < 1:
        raise StatsError(f"power must lie between 0 and 1, not {power}: 0.8 shows the difference in 80% of cases.")
    if 0 < confidence < 1 and power <= 1 - confidence:
        raise StatsError(
            f"power must be above 1 - confidence, and {power:g} is not above {1 - confidence:.3g}: chance alone shows "
            "a difference as often. 0.8 is usual."
        )


def _check_sizes(difference: float, spread: float, name: str = "difference") -> None:
    if not 0 < abs(difference) < float("inf"):
        raise StatsError(f"{name} must not be {difference:g}: 1.0 is one point of error.")
    if not 0 <= spread < float("inf"):
        raise StatsError(f"spread must be 0 or more, not {spread:g}: the standard deviation of errors in points.")


def _smallest(is_enough: Callable[[int], bool], difference: float) -> int:
    """The smallest n that is enough, five at least."""
    low, high = LEAST - 1, LEAST
    while not is_enough(high):
        low, high = high, 2 * high
        if high > _MOST:
            raise StatsError(_too_many(difference))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _too_many(difference: float) -> str:
    return f"more than {_MOST:,} networks would be needed for {abs(difference):g} points: plan for a larger difference."
