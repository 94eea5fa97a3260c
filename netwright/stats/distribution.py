"""Error distributions: the EDF of a population, weights that normalize its complexity, and its confidence band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.bounds import HALF_WIDTHS, METHODS
from netwright.stats.checks import BoolArray, FloatArray, check_choice, check_confidence, check_sample
from netwright.stats.plots import draw_band, draw_steps, to_svg

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Band", "Edf", "band", "edf", "normalized_weights", "shared_bins"]


@dataclass(frozen=True, slots=True, eq=False)
class Edf:
    """An empirical distribution function: F(e) = sum of w_i 1[e_i < e] (DDS, arXiv 2003.13678, eq. 1).

    F(e) is the share of networks with an error strictly below e.

    Attributes:
        errors: (n,) ascending.
        weights: (n,) positive, in the order of `errors`; their sum is 1.
        is_weighted: Whether weights were given.
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
        """F at every error of `grid`, in its shape.

        Raises:
            StatsError: A NaN in the grid; infinities are allowed.
        """
        count = _count_below(self.errors, grid)
        if not self.is_weighted:
            return count / self.n
        below = np.concatenate([[0.0], np.minimum(np.cumsum(self.weights), 1.0)])
        below[-1] = 1.0  # not 1 - 1e-16
        return below[count]

    def steps(self) -> tuple[FloatArray, FloatArray]:
        """The corners (x, y) of the curve, to be joined by straight lines; (2 m,) each for m distinct errors."""
        x = np.unique(self.errors)
        after = self.at(np.nextafter(x, np.inf))
        return np.repeat(x, 2), np.column_stack([np.concatenate([[0.0], after[:-1]]), after]).ravel()

    def legend(self, failed: int = 0) -> str:
        """Size, minimum and mean, as in the papers' plots: "[500 | 38.7 | 43.2]".

        Args:
            failed: How many of the networks failed, said where there are any: "[100 | 31.0 | 44.2 | 12 failed]".
        """
        end = f" | {failed} failed" if failed else ""
        return f"[{self.n} | {self.min:.1f} | {self.mean:.1f}{end}]"

    def plot(self, name: str = "") -> alt.LayerChart:
        """The curve as an Altair chart. To compare, layer some: `edf(a).plot("A") + edf(b).plot("B")`."""
        return draw_steps(*self.steps(), f"{name} {self.legend()}".strip())

    def _repr_html_(self) -> str:
        return to_svg(self.plot())


def edf(errors: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Edf:
    """The empirical distribution function of errors.

    Args:
        errors: (n,) in percent, or in any unit in which lower is better.
        weights: (n,) of any positive scale, such as `normalized_weights` returns. Networks of weight 0 are left out
            and do not count in `n`.

    Raises:
        StatsError: An empty sample, NaN or infinity, a negative weight, or weights that are all 0.
    """
    e = check_sample(errors)
    if weights is None:
        return Edf(np.sort(e), np.full(e.size, 1 / e.size), is_weighted=False)
    w = check_sample(weights, "weights", length=e.size)
    if (w < 0).any() or not (w > 0).any():
        raise StatsError(f"weights must be 0 or more and not all 0; the lowest is {w.min():g}. See normalized_weights.")
    order = np.argsort(e, kind="stable")
    order = order[w[order] > 0]
    return Edf(e[order], w[order] / w.sum(), is_weighted=True)


def normalized_weights(
    complexity: npt.ArrayLike, bins: int | Sequence[float] = 10, common: npt.ArrayLike | None = None
) -> FloatArray:
    """Weights that remove the influence of complexity from an EDF (NDS, arXiv 1905.13214).

    w_i = 1 / (networks in its bin * number of bins), over the bins that are not empty.

    Args:
        complexity: (n,) flops, params or acts.
        bins: The number of bins of equal width, or their ascending edges (log-spaced ones, for example); networks
            outside have weight 0.
        common: (m,) the complexity of the population to compare with. The bins then cover both, and only bins with
            networks of both count, so that both EDFs have the same mix of complexities. Swap the two arguments for the
            weights of the other population.

    Returns:
        (n,) weights, their sum is 1.

    Raises:
        StatsError: No bin is left, or the edges do not ascend.
    """
    c = check_sample(complexity, "complexity")
    other = c if common is None else check_sample(common, "common")
    place, counts, used = shared_bins(c, other, bins)
    weight = np.append(np.where(used, 1 / (np.maximum(counts, 1) * used.sum()), 0.0), 0.0)
    return weight[place]  # place -1, outside all bins, reads the 0 at the end


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Bounds that contain the true distribution function at all errors at once, with probability `confidence`.

    Attributes:
        errors: (n,) ascending.
        lower, upper: (n + 1,) the bounds where 0, 1, ..., n of the errors are below.
        confidence: 0 to 1.
        method: "dkw", "ks", "ld", or "sequential" (of `sequential_band`).
    """

    errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    confidence: float
    method: str

    @property
    def half_width(self) -> float:
        """How far the true share of networks below any error can be from that of the sample.

        For "dkw" and "ks" it is the same at every error, and is not cut at the ends: at 0.5 or more, so of 7 networks
        or fewer ("dkw", 95%), so few bound nothing. For "ld" and "sequential" it is the largest distance.
        """
        if self.method in HALF_WIDTHS:
            return HALF_WIDTHS[self.method](self.errors.size, self.confidence)
        share = np.arange(self.errors.size + 1) / self.errors.size
        return float(np.maximum(self.upper - share, share - self.lower).max())

    def at(self, grid: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """The lower and the upper bound of F at every error of `grid`, each in its shape.

        Raises:
            StatsError: A NaN in the grid; infinities are allowed.
        """
        below = _count_below(self.errors, grid)
        return self.lower[below], self.upper[below]

    def plot(self, name: str = "") -> alt.LayerChart:
        """The band and its distribution function as an Altair chart, to be layered like those of an `Edf`."""
        return draw_band(self.errors, self.lower, self.upper, f"{name} {edf(self.errors).legend()}".strip())

    def _repr_html_(self) -> str:
        return to_svg(self.plot())


def band(errors: npt.ArrayLike | Edf, confidence: float = 0.95, method: str = "dkw") -> Band:
    """The simultaneous confidence band of an EDF.

    Args:
        errors: (n,), or their unweighted Edf.
        confidence: Probability that the band contains the whole true distribution function.
        method: "dkw": F_n -+ sqrt(log(2 / alpha) / (2 n)): 0.24 at n = 32, 0.136 at 100, 0.061 at 500 (Massart 1990).
            "ks": the exact half-width instead, 4% narrower at n = 16 and 1% at 100. "ld": exact too, but narrow at both
            ends, where the best networks are (0.015 instead of 0.061 at n = 500), and up to a quarter wider in the
            middle (Learned-Miller and DeStefano 2008); it takes 0.1 s at n = 500 and 1 s at 5,000, once for each n.

    Raises:
        StatsError: A weighted EDF (these bounds need equal weights: an effective n has no such guarantee), an empty
            sample, NaN or infinity, or an unknown method.
    """
    check_confidence(confidence)
    check_choice(method, list(METHODS), "method")
    if isinstance(errors, Edf):
        if errors.is_weighted:
            raise StatsError("a band needs equal weights: these are normalized. Draw the band of the unweighted EDF.")
        e = errors.errors
    else:
        e = np.sort(check_sample(errors))
    lower, upper = METHODS[method](e.size, confidence)
    return Band(e, lower, upper, confidence, method)


def _count_below(errors: FloatArray, grid: npt.ArrayLike) -> npt.NDArray[np.intp]:
    g = np.asarray(grid, dtype=np.float64)
    if np.isnan(g).any():
        raise StatsError("a grid of errors must hold no NaN: drop them before asking for F.")
    return np.asarray(np.searchsorted(errors, g, side="left"))


def shared_bins(
    complexity: FloatArray, common: FloatArray, bins: int | Sequence[float]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], BoolArray]:
    """The bin of every network (-1 outside), the count of every bin, and which bins hold networks of both populations.

    Args:
        complexity: (n,).
        common: (m,) of the other population.
        bins: As for `normalized_weights`.

    Raises:
        StatsError: No bin is left, or the edges do not ascend.
    """
    edges = _edges(np.concatenate([complexity, common]), bins)
    place, counts = _bin(complexity, edges)
    used = (counts > 0) & (_bin(common, edges)[1] > 0)
    if not used.any():
        raise StatsError(
            f"some bin must hold networks of both populations: none of {len(edges) - 1} does. Use fewer, wider bins."
        )
    return place, counts, used


def _edges(values: FloatArray, bins: int | Sequence[float]) -> FloatArray:
    if isinstance(bins, int | np.integer):
        if bins < 1:
            raise StatsError(f"bins must be at least 1, not {bins}: 10 is a good start.")
        return np.histogram_bin_edges(values, bins)
    edges = check_sample(np.asarray(bins), "bins", minimum=2)
    if (np.diff(edges) <= 0).any():
        raise StatsError("the edges of bins must ascend: sort them and drop the repeated ones.")
    return edges


def _bin(values: FloatArray, edges: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The bin of every value, -1 outside, and the count of every bin; the last bin includes its right edge."""
    place = np.searchsorted(edges, values, side="right") - 1
    place[values == edges[-1]] = len(edges) - 2
    place[values > edges[-1]] = -1
    return place, np.bincount(place[place >= 0], minlength=len(edges) - 1)
