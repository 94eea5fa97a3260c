"""What chance does: the splits of two samples whose labels mean nothing, and samples drawn from samples.

All splits are taken where they are at most as many as the repeats: then a p-value is exact, and has no seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, islice
from math import comb

import numpy as np

from netwright.stats.checks import FloatArray

__all__ = [
    "LEAST",
    "MANY",
    "affordable",
    "bootstrap_t",
    "chunk_rows",
    "in_errors",
    "midranks",
    "moments_of_gap",
    "percentile",
    "permutation_p",
    "resamples",
    "smallest_p",
    "t_interval",
    "tail_p",
    "welch",
    "welch_t",
]

MANY = 5000  # networks of each side: of more, sums are so nearly normal that shuffles say nothing else
LEAST = 5  # networks of each side: an interval of fewer would rest on bootstrap samples that are all one network

Statistic = Callable[[FloatArray, FloatArray], FloatArray]  # (r, n_a) and (r, n_b) -> (r,)

_CHUNK = 4_000_000  # numbers in memory at once
_MOST = 100_000_000  # numbers in all shuffles together: about a second


def affordable(repeats: int, width: int) -> int:
    """How many of the repeats to take for so many networks: all up to 10,000 networks, and 999 at the least."""
    return min(repeats, max(999, _MOST // width))


def midranks(values: FloatArray) -> FloatArray:
    """The rank of every value, from 1; equal ones share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def chunk_rows(repeats: int, width: int) -> Iterator[int]:
    """How many rows of so many numbers to hold in memory at once, until there were `repeats`."""
    rows = max(1, _CHUNK // width)
    for start in range(0, repeats, rows):
        yield min(rows, repeats - start)


def welch_t(a: FloatArray, b: FloatArray, scale: float) -> FloatArray:
    """Welch's t of every row: the difference of the means in its own standard errors.

    Where neither side varies it is 0 for equal means, and infinite for others.

    Args:
        a: (..., n) with n of 2 or more.
        b: (..., m) likewise.
        scale: Of the numbers; what is smaller by far is rounding.
    """
    (mean_a, square_a), (mean_b, square_b) = _moments(a), _moments(b)
    return in_errors(mean_a - mean_b, square_a + square_b, scale)


def in_errors(difference: FloatArray, variance: FloatArray, scale: float) -> FloatArray:
    """difference / sqrt(variance), where what is smaller than rounding counts as 0, and 0 / 0 is 0."""
    known = np.where(variance > 1e-14 * scale**2, variance, 0.0)
    gap = np.where(np.abs(difference) > 1e-12 * scale, difference, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(gap == 0, 0.0, gap / np.sqrt(known)))


def permutation_p(
    a: FloatArray, b: FloatArray, statistic: Statistic, repeats: int, alternative: str, rng: np.random.Generator
) -> float:
    """The p-value of a statistic that grows where a lies higher, over the splits of both samples.

    Args:
        a: (n,).
        b: (m,).
        statistic: Of many splits at once.
        repeats: Number of random splits, where not all are taken.
        alternative: "two-sided", "less" or "greater".
        rng: Of the random splits.
    """
    observed = float(statistic(a[np.newaxis], b[np.newaxis])[0])
    splits = _all_splits if comb(a.size + b.size, a.size) <= repeats else _random_splits
    chunks = (statistic(*each) for each in splits(np.concatenate([a, b]), a.size, repeats, rng))
    scale = max(1.0, float(np.abs(np.concatenate([a, b])).max())) if np.isfinite(observed) else 1.0
    return tail_p(observed, chunks, alternative, scale, holds_observed=splits is _all_splits)


def tail_p(
    observed: float, chunks: Iterable[FloatArray], alternative: str, scale: float, *, holds_observed: bool = False
) -> float:
    """The share of values at least as extreme as the observed one; two-sided: twice the smaller side.

    Args:
        observed: May be infinite.
        chunks: The values under the hypothesis, (r,) each.
        alternative: "two-sided", "less" or "greater".
        scale: Of the values: rounding must not separate equal ones.
        holds_observed: Whether the observed value is among them; else it is added, so that p is never 0.
    """
    margin = 1e-12 * scale
    lower = upper = total = 0 if holds_observed else 1
    for values in chunks:
        lower += int(np.sum(values <= observed + margin))
        upper += int(np.sum(values >= observed - margin))
        total += values.size
    less, greater = lower / total, upper / total
    return {"less": less, "greater": greater, "two-sided": min(1.0, 2 * min(less, greater))}[alternative]


def smallest_p(n_a: int, n_b: int) -> float:
    """The smallest two-sided p-value that any permutation test of so many can give: 0.1 for 3 against 3."""
    return min(1.0, 2 / comb(n_a + n_b, n_a))


def bootstrap_t(a: FloatArray, b: FloatArray, repeats: int, rng: np.random.Generator) -> FloatArray:
    """Welch's t of samples drawn from both, each around its own mean: what t is like where the means are equal."""
    scale = float(max(np.abs(a).max(), np.abs(b).max()))
    chunks = [welch_t(x, y, scale) for x, y in resamples(a - a.mean(), b - b.mean(), repeats, rng)]
    return np.concatenate(chunks)


def t_interval(a: FloatArray, b: FloatArray, drawn: FloatArray, confidence: float) -> tuple[float, float] | None:
    """The bootstrap-t interval of mean a - mean b (Hall 1988).

    None where the samples cannot give one: fewer than `LEAST` of a side, or hardly any variation.

    Args:
        a: (n,).
        b: (m,).
        drawn: (repeats,) as `bootstrap_t` gives them.
        confidence: Of the interval.
    """
    if min(a.size, b.size) < LEAST:
        return None
    difference, variance, _ = moments_of_gap(a, b)
    error = float(np.sqrt(variance))
    tail = (1 - confidence) / 2
    # order statistics: between an infinite value and another one there is nothing to interpolate
    low, high = np.quantile(drawn, tail, method="lower"), np.quantile(drawn, 1 - tail, method="higher")
    if error <= 1e-7 * max(np.abs(a).max(), np.abs(b).max()) or not np.isfinite([low, high]).all():
        return None
    return float(difference - high * error), float(difference - low * error)


def moments_of_gap(a: FloatArray, b: FloatArray) -> tuple[float, float, float]:
    """mean a - mean b, its variance, and the degrees of freedom of that (Welch and Satterthwaite). a: (n,), b: (m,)."""
    (mean_a, square_a), (mean_b, square_b) = _moments(a), _moments(b)
    variance = float(square_a + square_b)
    doubt = float(square_a**2 / (a.size - 1) + square_b**2 / (b.size - 1))
    return float(mean_a - mean_b), variance, variance**2 / doubt if doubt > 0 else 0.0


def welch(
    difference: float, variance: float, freedom: float, confidence: float, alternative: str = "two-sided"
) -> tuple[float, tuple[float, float] | None]:
    """The p-value and the interval of Welch's t-test; 0 and None where nothing is known of the variance.

    Args:
        difference: Of the means.
        variance: Of the difference.
        freedom: Degrees of freedom of the variance, 0 where it is not known.
        confidence: Of the interval.
        alternative: "two-sided", "less" or "greater".
    """
    from scipy.stats import t  # takes longer to import than all the rest of this package

    if freedom <= 0 or variance <= 0:
        return 0.0, None
    error = np.sqrt(variance)
    reach, below = float(t.ppf((1 + confidence) / 2, freedom) * error), float(t.cdf(difference / error, freedom))
    above = float(t.sf(difference / error, freedom))
    p_value = {"less": below, "greater": above, "two-sided": 2 * min(below, above)}[alternative]
    return p_value, (difference - reach, difference + reach)


def percentile(
    a: FloatArray, b: FloatArray, statistic: Statistic, repeats: int, confidence: float, rng: np.random.Generator
) -> tuple[float, float] | None:
    """The percentile bootstrap interval of any statistic of both; None for fewer than `LEAST` of a side."""
    if min(a.size, b.size) < LEAST:
        return None
    values = np.concatenate([statistic(*each) for each in resamples(a, b, repeats, rng)])
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _moments(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean of every row, and the squared standard error of that mean."""
    n = x.shape[-1]
    mean = x.mean(axis=-1)
    centered = x - mean[..., np.newaxis]
    return mean, np.einsum("...i,...i->...", centered, centered) / (n * (n - 1))


def resamples(
    a: FloatArray, b: FloatArray, repeats: int, rng: np.random.Generator
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Samples drawn with replacement from both, (r, n) and (r, m) at a time."""
    first, second = rng.spawn(2)  # one for each, so that the number of rows in memory changes nothing
    for rows in chunk_rows(affordable(repeats, a.size + b.size), a.size + b.size):
        yield a[first.integers(a.size, size=(rows, a.size))], b[second.integers(b.size, size=(rows, b.size))]


def _random_splits(
    pooled: FloatArray, n_a: int, repeats: int, rng: np.random.Generator
) -> Iterator[tuple[FloatArray, FloatArray]]:
    for rows in chunk_rows(affordable(repeats, pooled.size), pooled.size):
        shuffled = rng.permuted(np.broadcast_to(pooled, (rows, pooled.size)), axis=1)
        yield shuffled[:, :n_a], shuffled[:, n_a:]


def _all_splits(
    pooled: FloatArray, n_a: int, repeats: int, rng: np.random.Generator
) -> Iterator[tuple[FloatArray, FloatArray]]:
    every = combinations(range(pooled.size), n_a)
    rows = max(1, _CHUNK // pooled.size)
    while chosen := list(islice(every, rows)):
        is_a = np.zeros((len(chosen), pooled.size), dtype=np.bool_)
        is_a[np.arange(len(chosen))[:, np.newaxis], chosen] = True
        values = np.broadcast_to(pooled, is_a.shape)
        yield values[is_a].reshape(len(chosen), -1), values[~is_a].reshape(len(chosen), -1)
