"""Does a cheap measurement rank networks as a dear one does? Kendall's tau, over all networks and among the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, check_columns, check_confidence, check_sample, check_simulation

__all__ = ["LEAST_BEST", "RankFidelity", "best_of", "epoch_fidelity", "kendall", "rank_fidelity"]

LEAST_BEST = 5  # networks: the ranks of fewer say nothing

_LEAST = 5  # networks of all
_MOST = 3_000_000_000  # products in all bootstrap samples together: a few seconds
_FEWEST = 199  # bootstrap samples, however many networks there are
_BLOCK = 512  # rows of pairs in memory at once


@dataclass(frozen=True, slots=True)
class RankFidelity:
    """How far a cheap measurement ranks networks as a dear one does: 1 the same order, 0 no relation, -1 reversed.

    Attributes:
        n: Number of networks.
        tau: Kendall's tau-b over all of them.
        interval: Its confidence interval, by the bootstrap over networks.
        n_best: Number of the networks that the dear measurement finds best; more than `fraction` where errors tie.
        best: Kendall's tau-b among these; None for fewer than 5, or where one measurement cannot tell any two of
            them apart.
        best_interval: Likewise; which networks are best is found again in each bootstrap sample.
        fraction: The share of networks that are best.
        confidence: Of both intervals.
    """

    n: int
    tau: float
    interval: tuple[float, float] | None
    n_best: int
    best: float | None
    best_interval: tuple[float, float] | None
    fraction: float
    confidence: float


def rank_fidelity(
    early: npt.ArrayLike,
    late: npt.ArrayLike,
    *,
    fraction: float = 0.25,
    repeats: int = 999,
    confidence: float = 0.95,
    seed: int = 0,
) -> RankFidelity:
    """Compare two rankings of the same networks.

    A search uses the ranks of the best networks only, and these are the hardest to tell apart: tau over all networks
    is high where a few bad ones are known early. So both are given.

    Args:
        early: (n,) errors by the cheap measurement: after few epochs, on few images, with another seed.
        late: (n,) errors of the same networks by the dear one. The best networks are the best by it.
        fraction: Of the networks, how many are best.
        repeats: Bootstrap samples of networks; of many networks fewer are taken, and 199 at the least.
        confidence: Of the intervals.
        seed: Of the bootstrap samples.

    Raises:
        StatsError: Fewer than 5 networks, different lengths, text, NaN or infinity, or all errors equal.
    """
    y = check_sample(late, "late", minimum=_LEAST)
    x = check_sample(early, "early", length=y.size)
    check_confidence(confidence)
    check_simulation(repeats, seed)
    if not 0 < fraction < 1:
        raise StatsError(f"fraction must lie between 0 and 1, not {fraction}: 0.25 is the best quarter.")
    tau, chosen = kendall(x, y), best_of(y, fraction)
    if tau is None:
        raise StatsError("ranks need errors that differ, and all of one measurement are equal: give other errors.")
    best = kendall(x[chosen], y[chosen]) if chosen.sum() >= LEAST_BEST else None
    drawn = _resampled(y.size, min(repeats, max(_FEWEST, _MOST // y.size**2)), seed)
    interval = _interval(_taus(x, y, drawn), confidence)
    best_interval = None if best is None else _interval(_taus(x, y, _best_only(drawn, y, fraction)), confidence)
    return RankFidelity(y.size, tau, interval, int(chosen.sum()), best, best_interval, fraction, confidence)


def epoch_fidelity(
    curves: npt.ArrayLike,
    epochs: Sequence[int],
    early: Sequence[int],
    late: int | None = None,
    *,
    fraction: float = 0.25,
    repeats: int = 999,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[int, RankFidelity]:
    """How soon the ranks of networks are known: each early epoch against a late one.

    Args:
        curves: (n, k) errors of n networks after k epochs.
        epochs: (k,) the epochs, ascending.
        early: Some of these.
        late: One of these, the last by default.
        fraction: As for `rank_fidelity`, like all that follow.
        repeats: Likewise.
        confidence: Likewise.
        seed: Likewise.

    Returns:
        Early epoch -> fidelity, in the order given.

    Raises:
        StatsError: An epoch that the curves do not have; and as `rank_fidelity`.
    """
    known = [int(epoch) for epoch in epochs]
    values = check_columns(curves, "curves", length=len(np.asarray(curves)))
    if values.shape[1] != len(known):
        raise StatsError(f"curves must have a column for each of the {len(known)} epochs, not {values.shape[1]}.")
    last = known[-1] if late is None else late
    for epoch in (*early, last):
        if epoch not in known:
            raise StatsError(f"the curves have no epoch {epoch}: they have {_ranges(known)}. Choose among these.")
    target = values[:, known.index(last)]
    settings = {"fraction": fraction, "repeats": repeats, "confidence": confidence, "seed": seed}
    return {epoch: rank_fidelity(values[:, known.index(epoch)], target, **settings) for epoch in early}  # type: ignore[arg-type]


def best_of(errors: FloatArray, fraction: float) -> npt.NDArray[np.bool_]:
    """Which networks are among the best `fraction`, (n,); all that tie with the last of them, too."""
    many = max(1, round(fraction * errors.size))
    return np.asarray(errors <= np.partition(errors, many - 1)[many - 1])


def kendall(x: FloatArray, y: FloatArray) -> float | None:
    """Kendall's tau-b; None where all of one side are equal."""
    from scipy.stats import kendalltau

    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(kendalltau(x, y).statistic)


def _resampled(n: int, repeats: int, seed: int) -> npt.NDArray[np.float32]:
    """How often each network is in each bootstrap sample, (repeats, n)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, np.full(n, 1 / n), size=repeats).astype(np.float32)


def _best_only(drawn: npt.NDArray[np.float32], errors: FloatArray, fraction: float) -> npt.NDArray[np.float32]:
    """The bootstrap samples with only the best of each."""
    order = np.argsort(errors, kind="stable")
    many = max(1, round(fraction * errors.size))
    place = np.argmax(np.cumsum(drawn[:, order], axis=1) >= many, axis=1)
    return np.where(errors <= errors[order][place][:, np.newaxis], drawn, np.float32(0))


def _taus(x: FloatArray, y: FloatArray, drawn: npt.NDArray[np.float32]) -> FloatArray:
    """Tau-b of each bootstrap sample, (repeats,); NaN where all of one side are equal.

    A network that was drawn twice ties with itself on both sides, which tau-b does not count. So tau is a ratio of
    three quadratic forms of how often each network was drawn.
    """
    used = np.flatnonzero(drawn.any(axis=0))
    x, y, drawn = x[used], y[used], drawn[:, used]
    sums = np.zeros((3, len(drawn)))
    for start in range(0, used.size, _BLOCK):
        rows = slice(start, start + _BLOCK)
        in_x = np.sign(x[rows, np.newaxis] - x).astype(np.float32)
        in_y = np.sign(y[rows, np.newaxis] - y).astype(np.float32)
        for i, pairs in enumerate((in_x * in_y, np.abs(in_x), np.abs(in_y))):
            sums[i] += np.einsum("bi,bi->b", drawn[:, rows], drawn @ pairs.T)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[0] / np.sqrt(sums[1] * sums[2]))


def _interval(taus: FloatArray, confidence: float) -> tuple[float, float] | None:
    known = taus[np.isfinite(taus)]
    if known.size < 0.9 * taus.size:  # few networks, of which most samples tell nothing apart
        return None
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _ranges(epochs: Sequence[int]) -> str:
    """`1 to 90`, or a list where some are missing."""
    first, last = epochs[0], epochs[-1]
    if len(epochs) == last - first + 1:
        return f"{first} to {last}"
    return ", ".join(map(str, epochs[:12])) + (f", ... {last}" if len(epochs) > 12 else "")
