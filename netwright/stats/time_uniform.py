"""Bounds on a distribution function that hold at every sample size at once: one may look after every trial, and stop.

A band of fixed n ("dkw") holds for one look. Looked at after each of 1,000 trials it misses the truth far more often
than its confidence allows. These bands hold for all looks together, and are wider for it (`price_of_looking`).

How. The distance D_n = sup |F_n - F| is a reverse submartingale, for F_n averages exchangeable errors and a supremum
is convex. So by Doob's inequality P(D_n >= x for some n >= N) <= E(D_N - y)+ / (x - y) for every y < x, and the DKW
inequality with Massart's constant bounds the right side: about e times the chance of one look at N. Sample sizes are
cut into epochs, each 1.3 times as long as the one before, and alpha is shared among them.

The same idea with other means: Howard and Ramdas, "Sequential estimation of quantiles with applications to A/B testing
and best-arm identification" (Bernoulli 2022), Theorem 2, here as `howard_ramdas_half_width`. With their published
constants it is wider at any n that a sweep has.

What the tests verify, whatever the papers print: the chance that Howard and Ramdas's bound is ever crossed, summed over
epochs by the inequality above, is below alpha; Wei and Dudley's constant bounds the exact distribution of the largest
gap of two samples (Gnedenko and Korolyuk) at every gap and every n from 4 to 300, and at some up to 1,000; it fails at
n = 3. The exact one falls with n towards its limit, 2 exp(-n x^2).
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor, log

import numpy as np
import numpy.typing as npt
from scipy.special import erfc, zeta

from netwright.errors import StatsError
from netwright.stats.bounds import dkw_half_width
from netwright.stats.checks import check_confidence, check_sample
from netwright.stats.distribution import Band

__all__ = [
    "EQUAL_SIZES",
    "START",
    "chance_of_crossing",
    "check_start",
    "epoch_of",
    "howard_ramdas_half_width",
    "level_of",
    "price_of_looking",
    "sequential_band",
    "sequential_half_width",
    "share_of",
]

START = 16  # networks: of fewer, a band that is looked at bounds next to nothing
MASSART = 2.0  # P(D_n > x) <= 2 exp(-2 n x^2), Massart 1990
EQUAL_SIZES = 2.16863  # P(sup |F_n - G_n| > x) <= 2.16863 exp(-n x^2) from n = 4 on, Wei and Dudley 2012
_RATIO = 1.3  # of an epoch's end to its start: the widths from 16 to 1,000 networks hardly change from 1.2 to 1.7
_FALL = 1.4  # the power by which the shares of alpha fall from epoch to epoch


def sequential_half_width(n: int, confidence: float = 0.95, start: int = START, most: int | None = None) -> float:
    """Half the width of a band that holds at all n from `start` on at once, 0 to 1.

    At 95%: 0.43 at n = 16, 0.23 at 100, 0.099 at 500; a band for one look has 0.34, 0.136 and 0.061.

    Args:
        n: Sample size now. Below `start` nothing is bounded: 1.
        confidence: Probability that all these bands contain the true distribution function.
        start: The first look, chosen before any.
        most: The largest n that will ever be looked at, chosen before the first look; then all bands but the first are
            narrower (0.21 at n = 100 of 100).

    Raises:
        StatsError: n beyond `most`, or a start or an end that makes no sense.
    """
    check_confidence(confidence)
    check_start(n, start, most)
    if n < start:
        return 1.0
    epoch, begin = epoch_of(n, start)
    level = level_of((1 - confidence) * share_of(epoch, start, most), MASSART)
    return float(min(1.0, level / np.sqrt(2 * begin)))


def howard_ramdas_half_width(n: int, confidence: float = 0.95, start: int = 1) -> float:
    """The same by Howard and Ramdas (2022, Theorem 2): 0.85 sqrt((log log(e n / start) + 0.8 log(1612 / alpha)) / n).

    Args:
        n: Sample size now, `start` or more.
        confidence: 1 - alpha.
        start: The first look.
    """
    check_confidence(confidence)
    check_start(max(n, start), start, None)
    grown = log(log(np.e * max(n, start) / start))
    return float(min(1.0, 0.85 * np.sqrt((grown + 0.8 * log(1612 / (1 - confidence))) / n)))


def price_of_looking(n: int, confidence: float = 0.95, start: int = START, most: int | None = None) -> float:
    """How many times as wide a band is at n that holds for all looks, as one that holds for a single look at n.

    1.25 at the first look, 1.7 on average and 1.85 at the most up to 1,000 networks; 1.5 on average where these 1,000
    are known to be the end. The same width needs the square of that times as many networks.

    Args:
        n: As for `sequential_half_width`, like all that follow.
        confidence: Likewise.
        start: Likewise.
        most: Likewise.
    """
    return sequential_half_width(n, confidence, start, most) / dkw_half_width(n, confidence)


def sequential_band(
    errors: npt.ArrayLike, confidence: float = 0.95, start: int = START, most: int | None = None
) -> Band:
    """The band of an EDF that holds at this and all other sample sizes at once.

    Args:
        errors: (n,) of all networks so far.
        confidence: As for `sequential_half_width`, like all that follow.
        start: Likewise.
        most: Likewise.

    Raises:
        StatsError: An empty sample, NaN or infinity, or as `sequential_half_width`.
    """
    e = np.sort(check_sample(errors))
    width = sequential_half_width(e.size, confidence, start, most)
    share = np.arange(e.size + 1) / e.size
    return Band(e, np.maximum(share - width, 0.0), np.minimum(share + width, 1.0), confidence, "sequential")


# -- epochs: shared with the two-sample test ---------------------------------------------------------------------------


def check_start(n: int, start: int, most: int | None) -> None:
    """Raise StatsError for sample sizes that make no sense together."""
    if n < 1 or start < 1:
        raise StatsError(f"n and start must be 1 or more, not {n} and {start}: start is the size of the first look.")
    if most is not None and most < start:
        raise StatsError(f"most must be at least start, not {most} below {start}: it is the size of the last look.")
    if most is not None and n > most:
        raise StatsError(
            f"these bounds are for at most {most} networks, not {n}: choose a larger end before the first look."
        )


def epoch_of(n: int, start: int) -> tuple[int, int]:
    """The epoch of n, from 0, and the n where it begins."""
    epoch = floor(log(n / start) / log(_RATIO) + 1e-9)
    return epoch, ceil(start * _RATIO**epoch - 1e-9)


def share_of(epoch: int, start: int, most: int | None) -> float:
    """The share of alpha that an epoch has; over all epochs they sum to 1, or to less."""
    return float(1 / ((epoch + 1) ** _FALL * zeta(_FALL))) if most is None else 1 / (epoch_of(most, start)[0] + 1)


def chance_of_crossing(z: float, constant: float) -> float:
    """A bound on P(D_n >= x for some n >= N), where P(D_N >= x) <= constant * exp(-z^2) with x = z * scale; 0 to 1."""
    if z <= 0:
        return 1.0
    gaps = np.geomspace(1e-3, 1.0, 200) * z
    return float(min(1.0, np.min(constant / 2 * np.sqrt(np.pi) * erfc(z - gaps) / gaps)))


@lru_cache(maxsize=256)
def level_of(alpha: float, constant: float) -> float:
    """The z at which `chance_of_crossing` is alpha."""
    low, high = 0.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance_of_crossing(middle, constant) > alpha else (low, middle)
    return high
