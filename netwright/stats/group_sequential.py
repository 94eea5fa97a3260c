"""The difference of two mean errors at a row of looks whose end is planned: group-sequential tests by alpha spending.

At each look Welch's t is compared with a bound that is made as looks come, so that all looks together spend alpha (Lan
and DeMets 1983). `obrien_fleming` spends nearly all of it at the end, so the end costs next to nothing; `pocock` spends
it evenly, so large differences end early. Bounds assume that means are normal, as a t-test does: of few networks with
failures or long tails that is an approximation; `netwright.stats.betting` needs none, and more trials.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, check_choice, check_confidence, check_sample
from netwright.stats.outcomes import WORST
from netwright.stats.sequential import OfMeans, check_margin, meet
from netwright.stats.shuffles import LEAST, moments_of_gap

__all__ = ["SPENDING", "GroupSequential", "Look", "crossing_chances", "group_sequential", "spending_bounds"]

_CELLS = 256  # of the grid on which the walk's density is kept
_NEVER = 8.0  # a bound that no walk reaches: nothing is spent yet


def _obrien_fleming(fraction: float, alpha: float) -> float:
    return float(4 * ndtr(ndtri(alpha / 4) / np.sqrt(fraction)))


def _pocock(fraction: float, alpha: float) -> float:
    return float(alpha * np.log1p((np.e - 1) * fraction))


# name -> (fraction of the information, alpha) -> alpha spent until then, two-sided (Lan and DeMets 1983)
SPENDING: dict[str, Callable[[float, float], float]] = {"obrien_fleming": _obrien_fleming, "pocock": _pocock}


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """Brownian motion that has not crossed a bound: where it is, after a fraction of the information.

    Attributes:
        fraction: 0 to 1.
        places: (k,) midpoints of equal cells.
        masses: (k,) probability of each; their sum is that of not having crossed.
        drift: Of the walk, per unit of information.
    """

    fraction: float = 0.0
    places: FloatArray = field(default_factory=lambda: np.zeros(1))
    masses: FloatArray = field(default_factory=lambda: np.ones(1))
    drift: float = 0.0

    def beyond(self, fraction: float, z: float) -> tuple[float, float]:
        """P(below -z), P(above z), of the walk at that fraction."""
        step = np.sqrt(fraction - self.fraction)
        at = self.places + self.drift * (fraction - self.fraction)
        edge = z * np.sqrt(fraction)
        return float(self.masses @ ndtr((-edge - at) / step)), float(self.masses @ ndtr((at - edge) / step))

    def within(self, fraction: float, z: float) -> _Walk:
        """The walk at that fraction, where it has stayed between -z and z."""
        edges = np.linspace(-z, z, _CELLS + 1) * np.sqrt(fraction)
        step = np.sqrt(fraction - self.fraction)
        at = self.places + self.drift * (fraction - self.fraction)
        below = self.masses @ ndtr((edges - at[:, np.newaxis]) / step)
        return replace(self, fraction=fraction, places=(edges[1:] + edges[:-1]) / 2, masses=np.diff(below))

    def bound(self, fraction: float, chance: float) -> float:
        """The z that the walk without drift is beyond with this probability."""
        low, high = 0.0, _NEVER
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if sum(self.beyond(fraction, middle)) > chance else (low, middle)
        return high


def spending_bounds(
    fractions: Sequence[float], confidence: float = 0.95, spending: str = "obrien_fleming"
) -> FloatArray:
    """The bounds of |z| at each look.

    Five equal steps at 95%: 4.877, 3.357, 2.680, 2.290, 2.031 (obrien_fleming); 2.438, 2.427, 2.410, 2.397, 2.386
    (pocock).

    Args:
        fractions: (k,) ascending, of all information; the last one is 1 where the plan is carried out.
        confidence: 1 - alpha of all looks together, two-sided.
        spending: "obrien_fleming" or "pocock".

    Raises:
        StatsError: Fractions that do not ascend within 0 and 1, or an unknown spending.
    """
    _check(confidence, spending)
    looks = check_sample(np.asarray(fractions), "fractions")
    if (np.diff(looks, prepend=0.0) <= 0).any() or looks[-1] > 1:
        raise StatsError("fractions must ascend within 0 and 1: they are what part of the networks is known at a look.")
    each = tuple(looks.tolist())
    return np.array([_walked(each[: k + 1], confidence, spending)[1] for k in range(len(each))])


@lru_cache(maxsize=1024)
def _walked(fractions: tuple[float, ...], confidence: float, spending: str) -> tuple[_Walk, float]:
    """The walk that crossed no bound until the last of these fractions, and the bound there."""
    if not fractions:
        return _Walk(), 0.0
    walk, spend = _walked(fractions[:-1], confidence, spending)[0], SPENDING[spending]
    spent = spend(walk.fraction, 1 - confidence) if walk.fraction else 0.0
    bound = walk.bound(fractions[-1], spend(fractions[-1], 1 - confidence) - spent)
    return walk.within(fractions[-1], bound), bound


def crossing_chances(fractions: Sequence[float], bounds: npt.ArrayLike, drift: float) -> FloatArray:
    """The probability of the first crossing of a bound at each look, on either side.

    Args:
        fractions: (k,) ascending, of all information.
        bounds: (k,) of |z|.
        drift: The mean of z at fraction 1.

    Returns:
        (k,); their sum is the power, or alpha where the drift is 0.
    """
    walk, found = _Walk(drift=drift), []
    for fraction, bound in zip(fractions, np.asarray(bounds).tolist(), strict=True):
        found.append(sum(walk.beyond(fraction, bound)))
        walk = walk.within(fraction, bound)
    return np.array(found)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a group-sequential test.

    Attributes:
        n_a, n_b: Number of networks.
        fraction: Of the information that was planned.
        z: Welch's t as a normal quantile; below 0 where a is better.
        bound: Of |z|.
    """

    n_a: int
    n_b: int
    fraction: float
    z: float
    bound: float


@dataclass(frozen=True, slots=True, eq=False)
class GroupSequential(OfMeans):
    """Whether mean a differs from mean b, at looks that together spend alpha. Each `update` is a look.

    Attributes:
        most: Networks of each population at the last look, planned before the first.
        spending: "obrien_fleming" or "pocock".
        confidence: Of intervals and decision, at all looks together.
        margin: The difference that does not matter, in points; None: no decision "equivalent".
        a, b: (n_a,), (n_b,) errors in their order.
        looks: So far.
        difference: Mean of a - mean of b; NaN before there are both.
        interval: Of the true difference: what all repeated confidence intervals so far (Jennison and Turnbull 1989)
            have in common.
    """

    most: int
    spending: str = "obrien_fleming"
    confidence: float = 0.95
    margin: float | None = None
    a: FloatArray = field(default_factory=lambda: np.empty(0))
    b: FloatArray = field(default_factory=lambda: np.empty(0))
    looks: tuple[Look, ...] = ()
    difference: float = float("nan")
    interval: tuple[float, float] = (-WORST, WORST)

    @property
    def fraction(self) -> float:
        """How much of the planned information is known; 1 at the end."""
        both = self.n_a + self.n_b
        return min(1.0, 2 * self.n_a * self.n_b / both / self.most) if both else 0.0

    @property
    def is_over(self) -> bool:
        """Whether the last look was taken."""
        return bool(self.looks) and self.looks[-1].fraction >= 1

    def update(self, a: npt.ArrayLike = (), b: npt.ArrayLike = ()) -> GroupSequential:
        """The test with more errors, (k,) and (l,), and one more look where there are five networks of each.

        Raises:
            StatsError: NaN or infinity, or more errors after the last look.
        """
        more_a, more_b = check_sample(a, "a", minimum=0), check_sample(b, "b", minimum=0)
        if not more_a.size + more_b.size:
            return self
        if self.is_over:
            raise StatsError(
                f"this test ended at {self.most} networks of each: a larger `most` is chosen before the first look."
            )
        found = replace(self, a=np.concatenate([self.a, more_a]), b=np.concatenate([self.b, more_b]))
        if min(found.n_a, found.n_b) < LEAST or found.fraction <= (self.looks[-1].fraction if self.looks else 0.0):
            return found
        return found._look()

    def _look(self) -> GroupSequential:
        """The test after a look at what is known now."""
        fraction = self.fraction
        _, bound = _walked((*(look.fraction for look in self.looks), fraction), self.confidence, self.spending)
        gap, variance, freedom = moments_of_gap(self.a, self.b)
        error = float(np.sqrt(variance))
        t = gap / error if error > 0 else np.copysign(np.inf, gap) if gap else 0.0
        z = float(-np.sign(t) * ndtri(stdtr(freedom, -abs(t)))) if freedom > 0 else float(t)
        reach = float(-stdtrit(freedom, float(ndtr(-bound)))) * error if error > 0 else 0.0
        # of networks that are all alike nothing is known of the others
        low, high = (gap - reach, gap + reach) if error > 0 else self.interval
        return replace(
            self,
            looks=(*self.looks, Look(self.n_a, self.n_b, fraction, z, bound)),
            difference=gap,
            interval=meet(self.interval, (low, high)),
        )


def group_sequential(
    most: int,
    confidence: float = 0.95,
    spending: str = "obrien_fleming",
    margin: float | None = None,
) -> GroupSequential:
    """A group-sequential test of the difference of two mean errors: begin with it, and `update` it at each look.

        test = group_sequential(most=100)
        test = test.update(a=first_20_of_a, b=first_20_of_b)
        test.interval, test.decision

    Looks may come after any number of trials, after each of them too.

    Args:
        most: Networks of each population at the last look. `netwright.plan` computes how many.
        confidence: Probability that no interval, at none of all looks, misses the true difference.
        spending: "obrien_fleming": the last look is nearly as good as one of fixed n. "pocock": large differences end
            sooner.
        margin: The difference that does not matter, in points.

    Raises:
        StatsError: Fewer than five networks, an unknown spending, or a margin of 0 or less.
    """
    _check(confidence, spending)
    check_margin(margin)
    if most < LEAST:
        raise StatsError(f"most must be at least {LEAST} networks of each, not {most}: fewer show no interval.")
    wide = (-np.inf, np.inf)
    return GroupSequential(most, spending, confidence, margin, interval=wide)


def _check(confidence: float, spending: str) -> None:
    check_confidence(confidence)
    check_choice(spending, list(SPENDING), "spending")
