"""Random-search efficiency: how good is the best of k networks from a population?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, IntArray, check_sample
from netwright.stats.plots import draw_efficiency, to_svg

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Efficiency", "efficiency"]


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
