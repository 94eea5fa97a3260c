"""Random-search efficiency: how good is the best of k networks drawn from a population?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.sample import FloatArray, IntArray, sample

__all__ = ["Efficiency", "efficiency"]


@dataclass(frozen=True, slots=True, eq=False)
class Efficiency:
    """Mean and standard deviation of the best error of `sizes` random networks; three columns of (s,)."""

    sizes: IntArray
    mean: FloatArray
    spread: FloatArray


def efficiency(
    errors: npt.ArrayLike, sizes: Sequence[int] | None = None, *, with_replacement: bool = False
) -> Efficiency:
    """The mean and spread of the best of k of `errors`, without any simulation (NDS, arXiv 1905.13214).

    errors: (n,); sizes: the k, else 1, 2, 4, ... up to n. The i-th lowest error is the best of k distinct networks with
    chance C(n - i, k - 1) / C(n, k), so the moments are exact sums, and the mean is unbiased for a fresh best-of-k of
    the whole space. The spread is that of subsets of this one sample: it falls to 0 at k = n, so trust it to k = n / 4.
    with_replacement draws the k independently, so that they may repeat: its mean is pessimistic for large k.
    """
    e = np.sort(sample(errors))
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
    """Chance of every rank to be the best of k distinct ranks, (s, n): the first is k / n, the rest follow by ratio."""
    left = np.arange(n - 1, 0, -1)
    ratio = np.maximum(left - k[:, np.newaxis] + 1, 0) / left
    return np.cumprod(np.column_stack([k / n, ratio]), axis=1)


def _with_replacement(k: IntArray, n: int) -> FloatArray:
    above = (np.arange(n, -1, -1) / n) ** k[:, np.newaxis]  # chance that all k lie above the i lowest
    return above[:, :-1] - above[:, 1:]
