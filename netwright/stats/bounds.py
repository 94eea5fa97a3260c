"""Distribution-free simultaneous bounds on a distribution function, from a sample of n.

Every method gives the same: `lower[k] <= F(e) <= upper[k]` at every error e that has exactly k of the n sample errors
below it, for all e at once, with at least the given confidence ("ks" and "ld": exactly that where F is continuous).
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.special import betaincinv, gammaln

from netwright.stats.checks import FloatArray

__all__ = ["HALF_WIDTHS", "METHODS", "dkw_half_width", "ks_half_width", "probability_within"]

Bounds = tuple[FloatArray, FloatArray]


def dkw_half_width(n: int, confidence: float) -> float:
    """Half the width of the DKW band, 0 to 1: sqrt(log(2 / alpha) / (2 n)).

    Source: the Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant (1990).

    Args:
        n: Sample size.
        confidence: 1 - alpha.
    """
    return float(np.sqrt(np.log(2 / (1 - confidence)) / (2 * n)))


def ks_half_width(n: int, confidence: float) -> float:
    """The exact quantile of the one-sample Kolmogorov-Smirnov distance, 0 to 1; always below the DKW half-width.

    Args:
        n: Sample size.
        confidence: The level of the quantile.
    """
    from scipy.stats import kstwo  # takes longer to import than all the rest of this package

    return float(kstwo.ppf(confidence, n))


def probability_within(low: FloatArray, high: FloatArray) -> float:
    """P(low[i] <= U_(i) <= high[i] for all i) for the order statistics of n uniform draws.

    The number of draws below t is a Poisson process of rate n, given that it ends at n. It is computed from boundary to
    boundary by convolution, and counts outside the bounds are set to 0 (the idea of Moscovich and Nadler, 2017).

    Args:
        low: (n,) ascending, 0 to 1.
        high: Likewise.
    """
    n = low.size
    times = np.unique(np.concatenate([low, high, [1.0]]))
    times = times[(times > 0) & (times <= 1)]
    # U_(i) <= high[i] needs i draws below high[i]; low[i] <= U_(i) allows i - 1 draws below low[i]
    fewest = np.searchsorted(high, times, side="right")
    most = np.searchsorted(low, times, side="left")
    fewest[-1] = most[-1] = n
    log_factorial = gammaln(np.arange(n + 1) + 1.0)
    chances: FloatArray = np.ones(1)
    start, before = 0, 0.0
    for time, first, last in zip(times, fewest, most, strict=True):
        if first > last:
            return 0.0
        rate = n * (time - before)
        reach = min(last - start, int(rate + 12 * np.sqrt(rate) + 40))  # further jumps have chances below 1e-30
        jumps = np.exp(np.arange(reach + 1) * np.log(rate) - rate - log_factorial[: reach + 1])
        reached = np.convolve(chances, jumps)[first - start : last - start + 1]
        chances = np.zeros(last - first + 1)
        chances[: reached.size] = reached
        start, before = int(first), float(time)
    return float(chances[0] / np.exp(n * np.log(n) - n - log_factorial[n]))


def _shifted(half_width: Callable[[int, float], float]) -> Callable[[int, float], Bounds]:
    @lru_cache(maxsize=64)
    def bounds(n: int, confidence: float) -> Bounds:
        share, width = np.arange(n + 1) / n, half_width(n, confidence)
        return _read_only(np.maximum(share - width, 0.0), np.minimum(share + width, 1.0))

    return bounds


def _read_only(lower: FloatArray, upper: FloatArray) -> Bounds:
    """The bounds are cached, and shared by all samples of one size."""
    lower.flags.writeable = upper.flags.writeable = False
    return lower, upper


def _order_statistic_range(n: int, tail: float) -> Bounds:
    rank = np.arange(1, n + 1)
    low = np.asarray(betaincinv(rank, n + 1 - rank, tail), dtype=np.float64)
    return low, 1 - low[::-1]  # by symmetry, and more accurate than the quantile of 1 - tail


@lru_cache(maxsize=64)
def _ld(n: int, confidence: float) -> Bounds:
    """The same tail probability for every order statistic, such that all bounds hold at once.

    Source: Learned-Miller and DeStefano (2008).
    """
    from scipy.optimize import brentq  # as slow to import as scipy.stats

    def excess(log_tail: float) -> float:
        return probability_within(*_order_statistic_range(n, np.exp(log_tail))) - confidence

    alpha = 1 - confidence
    # a single order statistic allows alpha / 2 on each side; Bonferroni over all 2 n sides is certainly enough
    log_tail = brentq(excess, np.log(alpha / (2 * n)) - 1e-6, np.log(alpha / 2) + 1e-6, xtol=1e-7)
    low, high = _order_statistic_range(n, float(np.exp(log_tail)))
    return _read_only(np.concatenate([[0.0], low]), np.concatenate([high, [1.0]]))


# (n, confidence) -> the distance that holds at every error, of the methods that have one
HALF_WIDTHS: dict[str, Callable[[int, float], float]] = {"dkw": dkw_half_width, "ks": ks_half_width}

METHODS: dict[str, Callable[[int, float], Bounds]] = {
    **{name: _shifted(half_width) for name, half_width in HALF_WIDTHS.items()},
    "ld": _ld,
}
