"""Error distributions: the EDF of a population, its complexity-normalized weights, and its confidence band."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.bounds import METHODS
from netwright.stats.sample import FloatArray, check_choice, check_confidence, sample

__all__ = ["Band", "Edf", "band", "edf", "normalized_weights"]


@dataclass(frozen=True, slots=True, eq=False)
class Edf:
    """F(e) = sum of w_i 1[e_i < e]: the share of networks with an error strictly below e (DDS eq. 1, arXiv 2003.13678).

    errors: (n,) ascending; weights: (n,) positive, in the order of `errors`, sum 1.
    """

    errors: FloatArray
    weights: FloatArray
    is_weighted: bool

    @property
    def n(self) -> int:
        """Number of networks with a positive weight."""
        return self.errors.size

    @property
    def min(self) -> float:
        """The lowest error."""
        return float(self.errors[0])

    @property
    def mean(self) -> float:
        """The weighted mean error."""
        return float(self.weights @ self.errors)

    def at(self, grid: npt.ArrayLike) -> FloatArray:
        """F at every error of `grid`, in its shape; infinities are allowed, NaN is a StatsError."""
        count = _count_below(self.errors, grid)
        if not self.is_weighted:
            return count / self.n
        below = np.concatenate([[0.0], np.minimum(np.cumsum(self.weights), 1.0)])
        below[-1] = 1.0  # not 1 - 1e-16
        return below[count]

    def steps(self) -> tuple[FloatArray, FloatArray]:
        """The corners (x, y) of the curve, to be joined by straight lines: (2 m,) each for m distinct errors."""
        x = np.unique(self.errors)
        after = self.at(np.nextafter(x, np.inf))
        return np.repeat(x, 2), np.column_stack([np.concatenate([[0.0], after[:-1]]), after]).ravel()

    def legend(self) -> str:
        """The size, minimum and mean, as in the papers' plots: "[500 | 38.7 | 43.2]"."""
        return f"[{self.n} | {self.min:.1f} | {self.mean:.1f}]"


def edf(errors: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Edf:
    """The empirical distribution function of `errors`: (n,), in percent or any unit that falls as networks improve.

    weights: (n,) of any positive scale, e.g. from `normalized_weights`; networks of weight 0 are left out, of n too.
    Raises StatsError for an empty sample, NaN, infinity, negative weights, or weights that are all 0.
    """
    e = sample(errors)
    if weights is None:
        return Edf(np.sort(e), np.full(e.size, 1 / e.size), is_weighted=False)
    w = sample(weights, "weights", length=e.size)
    if (w < 0).any() or not (w > 0).any():
        raise StatsError(f"weights must be 0 or more and not all 0; the lowest is {w.min():g}. See normalized_weights.")
    order = np.argsort(e, kind="stable")
    order = order[w[order] > 0]
    return Edf(e[order], w[order] / w.sum(), is_weighted=True)


def normalized_weights(
    complexity: npt.ArrayLike, bins: int | Sequence[float] = 10, common: npt.ArrayLike | None = None
) -> FloatArray:
    """Weights that take the influence of complexity out of an EDF (NDS, arXiv 1905.13214): (n,), sum 1.

    w_i = 1 / (networks in its bin * number of bins), over the bins that hold any. complexity: (n,) flops, params or
    acts; bins: how many of equal width, or their ascending edges (of log-spaced widths, say; networks outside weigh 0).
    common: (m,) the complexity of the population to compare with. The bins then span both, and only those that hold
    networks of both count, so that both EDFs are of one and the same mix of complexities; swap the two for the other's
    weights. Raises StatsError where no bin is left.
    """
    c = sample(complexity, "complexity")
    other = c if common is None else sample(common, "common")
    edges = _edges(np.concatenate([c, other]), bins)
    place, counts = _bin(c, edges)
    used = (counts > 0) & (_bin(other, edges)[1] > 0)
    if not used.any():
        raise StatsError(
            f"some bin must hold networks of both populations: none of {len(edges) - 1} does. Use fewer, wider bins."
        )
    weight = np.append(np.where(used, 1 / (np.maximum(counts, 1) * used.sum()), 0.0), 0.0)
    return weight[place]  # place -1, outside all bins, reads the 0 at the end


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Bounds that hold the true distribution function at all errors at once, with probability `confidence`.

    errors: (n,) ascending; lower, upper: (n + 1,), the bounds where 0, 1, ..., n of the errors lie below.
    """

    errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    confidence: float
    method: str

    def at(self, grid: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """The lower and the upper bound of F at every error of `grid`, each in its shape."""
        below = _count_below(self.errors, grid)
        return self.lower[below], self.upper[below]


def band(errors: npt.ArrayLike | Edf, confidence: float = 0.95, method: str = "dkw") -> Band:
    """The simultaneous confidence band of an EDF; errors: (n,), or the unweighted Edf of them.

    method "dkw": F_n -+ sqrt(log(2 / alpha) / (2 n)), +-0.24 at n = 32, +-0.136 at 100, +-0.061 at 500.
    "ks": the exact half-width in its place, 4% narrower at n = 16 and 1% at 100. "ld": exact too, but narrow at both
    ends, where the best networks are (0.015 for 0.061 at n = 500), for a middle up to a quarter wider
    (Learned-Miller and DeStefano 2008); it takes 0.1 s at n = 500 and 1 s at 5,000, once per n.
    A weighted EDF is refused: these bounds are for equal weights, and an effective n has no such guarantee.
    """
    check_confidence(confidence)
    check_choice(method, list(METHODS), "method")
    if isinstance(errors, Edf):
        if errors.is_weighted:
            raise StatsError("a band needs equal weights: these are normalized. Draw the band of the unweighted EDF.")
        e = errors.errors
    else:
        e = np.sort(sample(errors))
    lower, upper = METHODS[method](e.size, confidence)
    return Band(e, lower, upper, confidence, method)


def _count_below(errors: FloatArray, grid: npt.ArrayLike) -> npt.NDArray[np.intp]:
    g = np.asarray(grid, dtype=np.float64)
    if np.isnan(g).any():
        raise StatsError("a grid of errors must hold no NaN: drop them before asking for F.")
    return np.asarray(np.searchsorted(errors, g, side="left"))


def _edges(values: FloatArray, bins: int | Sequence[float]) -> FloatArray:
    if isinstance(bins, int | np.integer):
        if bins < 1:
            raise StatsError(f"bins must be at least 1, not {bins}: 10 is a good start.")
        return np.histogram_bin_edges(values, bins)
    edges = sample(np.asarray(bins), "bins", minimum=2)
    if (np.diff(edges) <= 0).any():
        raise StatsError("the edges of bins must ascend: sort them and drop the repeated ones.")
    return edges


def _bin(values: FloatArray, edges: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The bin of every value, -1 outside, and the count of every bin; the last bin holds its right edge too."""
    place = np.searchsorted(edges, values, side="right") - 1
    place[values == edges[-1]] = len(edges) - 2
    place[values > edges[-1]] = -1
    return place, np.bincount(place[place >= 0], minlength=len(edges) - 1)
