"""Random-search efficiency: how good is the best of k networks from a population?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, IntArray, check_confidence, check_sample, check_simulation
from netwright.stats.plots import draw_efficiency, to_svg
from netwright.stats.shuffles import permutation_p, resamples

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Efficiency", "EfficiencyRatio", "efficiency", "efficiency_ratio"]

_SIZES = 48  # of which the mean best error is computed; between them it is interpolated
_DRAWN = 20_000_000  # networks in all bootstrap samples together


@dataclass(frozen=True, slots=True, eq=False)
class Efficiency:
    """The best error of k random networks.

    Attributes:
        sizes: (s,) the k.
        mean: (s,) mean of the best error.
        spread: (s,) its standard deviation.
    """

    sizes: IntArray
    mean: FloatArray
    spread: FloatArray

    def plot(self, name: str = "population") -> alt.LayerChart:
        """Mean and standard deviation over k as an Altair chart; several can be layered."""
        return draw_efficiency(self.sizes, self.mean, self.spread, name)

    def _repr_html_(self) -> str:
        return to_svg(self.plot())


def efficiency(
    errors: npt.ArrayLike, sizes: Sequence[int] | None = None, *, with_replacement: bool = False
) -> Efficiency:
    """Mean and standard deviation of the best of k errors, without simulation (NDS, arXiv 1905.13214).

    The i-th lowest error is the best of k distinct networks with probability C(n - i, k - 1) / C(n, k). So the moments
    are exact sums, and the mean is unbiased for k new networks of the whole space. The spread is that of subsets of one
    sample: it falls to 0 at k = n, so trust it up to k = n / 4.

    Args:
        errors: (n,).
        sizes: The k, by default 1, 2, 4, ... up to n.
        with_replacement: Draw the k networks independently, so that they may repeat; the mean is then pessimistic for
            large k.

    Raises:
        StatsError: An empty sample, NaN or infinity, or a size that is not a whole number from 1 to n.
    """
    e = np.sort(check_sample(errors))
    n = e.size
    k = _sizes(sizes, n)
    chances = (_with_replacement if with_replacement else _distinct)(k, n)
    mean = chances @ e
    spread = np.sqrt(np.maximum(np.sum(chances * (e - mean[:, np.newaxis]) ** 2, axis=1), 0.0))
    return Efficiency(k, mean, spread)


@dataclass(frozen=True, slots=True)
class EfficiencyRatio:
    """How many random networks of a are as good as k of b.

    Attributes:
        n_a, n_b: Sizes of both populations.
        k: Networks of b.
        reached: The mean lowest error of k networks of b.
        networks: Of a, whose mean lowest error is the same; 1 where one is enough, infinite where all n_a are not.
        interval: The confidence interval of `networks`; its upper end may be infinite.
        p_value: Of the difference between the lowest errors of k networks of each, where the labels mean nothing.
    """

    n_a: int
    n_b: int
    k: int
    reached: float
    networks: float
    interval: tuple[float, float]
    p_value: float

    @property
    def ratio(self) -> float:
        """Networks of a for one of b; below 1 where a is better."""
        return self.networks / self.k

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves out k itself: else the two may be equally good to search."""
        return not self.interval[0] <= self.k <= self.interval[1]


def efficiency_ratio(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    k: int | None = None,
    repeats: int = 1999,
    seed: int = 0,
    confidence: float = 0.95,
) -> EfficiencyRatio:
    """How many networks of a random search of a find what k of b find, with its interval.

    The estimate alone says little: of two samples of one population, one "needs" twice as many as the other in a third
    of cases. The interval is the percentile bootstrap of both populations, and holds k unless a permutation test of the
    lowest errors of k tells the two apart at the same level.

    Args:
        a: (n,) errors.
        b: (m,) errors.
        k: At most a quarter of the smaller population, by default the largest power of two that is: above, the lowest
            errors of k rest on very few networks.
        repeats: Number of shuffles and of bootstrap samples; of more than 10,000 networks fewer, down to 199.
        seed: Of both.
        confidence: Of the interval.

    Raises:
        StatsError: An empty sample, NaN or infinity, or a k that is too large.
    """
    first, second = np.sort(check_sample(a, "a")), np.sort(check_sample(b, "b"))
    check_simulation(repeats, seed)
    check_confidence(confidence)
    most = max(1, min(first.size, second.size) // 4)
    best_of = 2 ** int(np.log2(most)) if k is None else k
    if not 1 <= best_of <= most:
        raise StatsError(
            f"k must lie from 1 to {most}, a quarter of the smaller of both populations ({first.size} and "
            f"{second.size} networks), not {k}: leave it out, or train more networks."
        )
    drawn = min(repeats, max(199, _DRAWN // (first.size + second.size)))
    shuffling, resampling = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    sizes = np.unique(np.geomspace(1, first.size, _SIZES).round().astype(np.int64))
    chances_a, chances_b = _distinct(sizes, first.size), _distinct(np.array([best_of]), second.size)[0]

    def needed(x: FloatArray, y: FloatArray) -> FloatArray:
        return _inverse(sizes, np.sort(x, axis=1) @ chances_a.T, np.sort(y, axis=1) @ chances_b)

    chances_k = _distinct(np.array([best_of]), first.size)[0]
    p_value = permutation_p(
        first,
        second,
        lambda x, y: np.sort(x, axis=1) @ chances_k - np.sort(y, axis=1) @ chances_b,
        drawn,
        "two-sided",
        shuffling,
    )
    samples = np.concatenate([needed(*each) for each in resamples(first, second, drawn, resampling)])
    tail = (1 - confidence) / 4  # half of each tail: bootstrap samples repeat the lowest errors, and vary too little
    # order statistics: between an infinite value and another one there is nothing to interpolate
    low, high = np.quantile(samples, tail, method="lower"), np.quantile(samples, 1 - tail, method="higher")
    if p_value > 1 - confidence:
        low, high = min(low, best_of), max(high, best_of)
    return EfficiencyRatio(
        n_a=first.size,
        n_b=second.size,
        k=best_of,
        reached=float(second @ chances_b),
        networks=float(needed(first[np.newaxis], second[np.newaxis])[0]),
        interval=(float(low), float(high)),
        p_value=p_value,
    )


def _inverse(sizes: IntArray, means: FloatArray, reached: FloatArray) -> FloatArray:
    """The size at which each row of falling means (r, s) comes to reached (r,), infinite where it does not."""
    enough = means <= reached[:, np.newaxis] + 1e-12 * np.abs(reached[:, np.newaxis])
    row, after = np.arange(len(means)), enough.argmax(axis=1)
    before = np.maximum(after - 1, 0)
    fall = means[row, before] - means[row, after]
    share = np.divide(means[row, before] - reached, fall, out=np.zeros_like(fall), where=fall > 0)
    log = np.log(sizes)
    size = np.exp(log[before] + np.clip(share, 0, 1) * (log[after] - log[before]))
    return np.asarray(np.where(enough.any(axis=1), size, np.inf))


def _sizes(sizes: Sequence[int] | None, n: int) -> IntArray:
    if sizes is None:
        return 2 ** np.arange(int(np.log2(n)) + 1, dtype=np.int64)
    k = np.asarray(sizes)
    if k.ndim != 1 or k.size == 0 or k.dtype.kind not in "iu" or k.min() < 1 or k.max() > n:
        raise StatsError(f"sizes must be whole numbers from 1 to the {n} errors given, not {sizes}: drop the others.")
    return k.astype(np.int64)


def _distinct(k: IntArray, n: int) -> FloatArray:
    """The probability that each rank is the best of k distinct ones, (s, n): k / n for the first, others by ratio."""
    left = np.arange(n - 1, 0, -1)
    ratio = np.maximum(left - k[:, np.newaxis] + 1, 0) / left
    return np.cumprod(np.column_stack([k / n, ratio]), axis=1)


def _with_replacement(k: IntArray, n: int) -> FloatArray:
    above = (np.arange(n, -1, -1) / n) ** k[:, np.newaxis]  # probability that all k are above the i lowest
    return above[:, :-1] - above[:, 1:]
