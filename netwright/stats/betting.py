"""The difference of two mean errors, looked at after every trial, with no assumption but that errors are bounded.

By betting: who believes that the mean is above m stakes a part of a capital on every error, at fair odds if the mean
is m. If it is, the capital is a martingale, and by Ville's inequality it ever reaches 1 / alpha with probability alpha
at most. The means that no capital has refuted are the interval (Waudby-Smith and Ramdas, "Estimating means of bounded
random variables by betting", JRSS B 2024). The stakes are a fixed mixture, as of Cover's universal portfolio, so
nothing is tuned to the data.

The price. Errors lie in 0 to 100, and nothing forbids that one network in a hundred fails. So 100 pairs can never show
a difference much below 100 log(2 / alpha) / 100 = 3.7 points, however alike errors are. Where such failures can be
ruled out, `bounds` says so; else `netwright.stats.group_sequential` is the peer, with far fewer trials and a normal
approximation.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, check_confidence, check_points, check_sample
from netwright.stats.outcomes import WORST
from netwright.stats.sequential import OfMeans, check_margin, meet

__all__ = ["STAKES", "SequentialMeans", "log_capital", "sequential_means"]

# part of the capital that is staked -> its weight. Most on a large one: errors vary by a few points of 100
STAKES = {0.05: 1 / 6, 0.2: 1 / 6, 0.5: 1 / 6, 0.95: 1 / 2}


def log_capital(values: FloatArray, mean: float) -> FloatArray:
    """The logarithm of the capital after each value, staked on a mean above `mean`. It falls with `mean`.

    Args:
        values: (..., n) in 0 to 1.
        mean: Above 0, up to 1.

    Returns:
        (..., n).
    """
    gain = values / mean - 1
    each = [np.log(weight) + np.cumsum(np.log1p(stake * gain), axis=-1) for stake, weight in STAKES.items()]
    return np.asarray(np.logaddexp.reduce(each, axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class SequentialMeans(OfMeans):
    """Whether mean a differs from mean b, valid at every look: a confidence sequence of the difference.

    The first error of a is paired with the first one of b, and so on; of each pair the difference counts. What has no
    partner yet waits for one.

    Attributes:
        a, b: (n_a,), (n_b,) errors in their order.
        difference: Mean of a - mean of b over all pairs; below 0 where a is better; NaN before the first pair.
        interval: Of the true difference: it holds at all looks at once, so it never widens.
        p_value: Valid at all looks: at most 1 - confidence where 0 is outside the interval; it never grows.
        confidence: Of interval and decision.
        margin: The difference that does not matter, in points; None: no decision "equivalent".
        bounds: Within which all errors lie.
    """

    confidence: float = 0.95
    margin: float | None = None
    bounds: tuple[float, float] = (0.0, WORST)
    a: FloatArray = field(default_factory=lambda: np.empty(0))
    b: FloatArray = field(default_factory=lambda: np.empty(0))
    difference: float = float("nan")
    interval: tuple[float, float] = (-WORST, WORST)
    p_value: float = 1.0

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return min(self.n_a, self.n_b)

    def update(self, a: npt.ArrayLike = (), b: npt.ArrayLike = ()) -> SequentialMeans:
        """The test with more errors, (k,) and (l,), in the order of their trials.

        Raises:
            StatsError: NaN, infinity, or an error outside the bounds.
        """
        first = np.concatenate([self.a, _bounded(a, "a", self.bounds)])
        second = np.concatenate([self.b, _bounded(b, "b", self.bounds)])
        pairs = min(first.size, second.size)
        if pairs == self.pairs:
            return replace(self, a=first, b=second)
        width = self.bounds[1] - self.bounds[0]
        gaps = first[:pairs] - second[:pairs]
        up = (gaps / width + 1) / 2  # -width to width as 0 to 1, and the same from above
        enough = np.log(2 / (1 - self.confidence))
        low = width * (2 * _lowest(up, enough) - 1)
        high = width * (1 - 2 * _lowest(1 - up, enough))
        most = max(float(log_capital(side, 0.5).max()) for side in (up, 1 - up))
        return replace(
            self,
            a=first,
            b=second,
            difference=float(gaps.mean()),
            interval=meet(self.interval, (low, high)),
            p_value=float(min(1.0, 2 * np.exp(-most))),
        )


def sequential_means(
    a: npt.ArrayLike = (),
    b: npt.ArrayLike = (),
    confidence: float = 0.95,
    margin: float | None = None,
    bounds: tuple[float, float] = (0.0, WORST),
) -> SequentialMeans:
    """A test of the difference of two mean errors, to be looked at after every trial.

        test = sequential_means(margin=1.0)
        test = test.update(a=[31.2], b=[29.9])
        test.interval, test.decision

    Args:
        a: (n,) errors so far, in the order of their trials; none to begin with. A network that failed is one of 100%.
        b: (m,) likewise.
        confidence: Probability that no interval, at none of all looks, misses the true difference.
        margin: The difference that does not matter, in points.
        bounds: Within which all errors lie, known before the first one. Narrower ones need fewer trials in proportion.

    Raises:
        StatsError: NaN, infinity, an error outside the bounds, or a margin of 0 or less, or beyond the bounds.
    """
    check_confidence(confidence)
    check_margin(margin)
    low, high = map(float, bounds)
    if not -np.inf < low < high < np.inf:
        raise StatsError(f"bounds must ascend, not {low:g} and {high:g}: errors in percent lie within 0 and 100.")
    check_points(margin, "margin", high - low)
    start = SequentialMeans(confidence, margin, (low, high), interval=(low - high, high - low))
    return start.update(a, b)


def _lowest(values: FloatArray, enough: float) -> float:
    """The lower end of the interval of a mean: against every mean below it, enough capital was won at some look."""
    low, high = 0.0, 1.0
    for _ in range(40):  # the capital falls with the mean
        middle = (low + high) / 2
        refuted = float(log_capital(values, middle).max()) >= enough
        low, high = (middle, high) if refuted else (low, middle)
    return low


def _bounded(values: npt.ArrayLike, name: str, bounds: tuple[float, float]) -> FloatArray:
    errors = check_sample(values, name, minimum=0)
    outside = (errors < bounds[0]) | (errors > bounds[1])
    if outside.any():
        raise StatsError(
            f"{name} must lie within {bounds[0]:g} and {bounds[1]:g}, not {errors[outside][0]:g}: give wider "
            "bounds, or clip them (numpy.clip); then the test is of the clipped means."
        )
    return errors
