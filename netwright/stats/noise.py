"""How much of the spread of errors comes from seeds, and how well any ranking of the networks can agree with another.

Networks that were trained with several seeds tell. Source of the components: analysis of variance with one random
effect and groups of unequal size (Searle, Casella and McCulloch, "Variance Components", 1992, section 3.6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, IntArray, check_confidence, check_sample, check_simulation
from netwright.stats.fidelity import LEAST_BEST, best_of, kendall

__all__ = ["LEAST_REPEATED", "Ceiling", "SeedNoise", "seed_noise"]

LEAST_REPEATED = 3  # networks with several seeds

_NEAREST = 8  # repeated networks that say how noisy a network of about their error is
_PAIRS = 200  # simulated pairs of repetitions


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Kendall's tau between two independent repetitions of a population, expected: no ranking can be closer to one.

    Attributes:
        tau: Over all networks.
        interval: For the ends of the interval of the seeds' share; None where every network is repeated.
        best: Among the networks that one of the two finds best; None for fewer than 5.
        best_interval: Likewise.
        fraction: The share of networks that are best.
        method: "repeats": the mean over pairs of repetitions, where every network has several seeds; "simulation":
            from the components.
        seen: Tau between seeds of the repeated networks alone, the mean over pairs of seeds, to check `tau` by.
    """

    tau: float
    interval: tuple[float, float] | None
    best: float | None
    best_interval: tuple[float, float] | None
    fraction: float
    method: str
    seen: float | None


@dataclass(frozen=True, slots=True)
class SeedNoise:
    """What seeds do to the errors of a population.

    Attributes:
        networks: How many there are.
        repeated: How many of them have several seeds.
        trainings: Of all.
        deviation: Standard deviation of a network's error over seeds, in points, pooled.
        between: Standard deviation of the networks' mean errors, in points, without the part that seeds add.
        share: Of the variance of errors of single trainings, what comes from seeds: 0 to 1.
        interval: Its confidence interval: at each end the wider one of F's and the jackknife's.
        confidence: Of the interval.
        ceiling: What that does to rankings.
    """

    networks: int
    repeated: int
    trainings: int
    deviation: float
    between: float
    share: float
    interval: tuple[float, float]
    confidence: float
    ceiling: Ceiling


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Trainings by network: (a,) counts and means, and (a,) sums of squares around the means."""

    place: IntArray
    counts: FloatArray
    means: FloatArray
    squares: FloatArray


def seed_noise(
    errors: npt.ArrayLike,
    networks: npt.ArrayLike,
    *,
    fraction: float = 0.25,
    confidence: float = 0.95,
    repeats: int = _PAIRS,
    seed: int = 0,
) -> SeedNoise:
    """The share of the spread that comes from seeds, and the ceiling of any ranking.

    Networks with one training count too: they tell how much networks differ. In the simulation a network is as noisy as
    the repeated ones of about its error, since bad networks often are noisier than good ones.

    Args:
        errors: (m,) percent, of all trainings.
        networks: (m,) which network each one is of, as numbers.
        fraction: Of the networks, how many are best.
        confidence: Of the interval.
        repeats: Simulated pairs of repetitions.
        seed: Of the simulation.

    Raises:
        StatsError: Fewer than 3 networks with several trainings, text, NaN or infinity, or different lengths.
    """
    e = check_sample(errors, minimum=2)
    names = check_sample(networks, "networks", length=e.size)
    check_confidence(confidence)
    check_simulation(repeats, seed)
    groups = _grouped(e, names)
    repeated = int((groups.counts > 1).sum())
    if repeated < LEAST_REPEATED:
        raise StatsError(
            f"seed noise needs at least {LEAST_REPEATED} networks with several seeds, and there are {repeated}: train "
            "some again with `netwright sweep --repeats 3 --repeated 16`."
        )
    within, between, interval = _components(groups, confidence)
    share = within / (within + between) if within + between > 0 else 0.0
    return SeedNoise(
        networks=groups.counts.size,
        repeated=repeated,
        trainings=e.size,
        deviation=float(np.sqrt(within)),
        between=float(np.sqrt(between)),
        share=share,
        interval=interval,
        confidence=confidence,
        ceiling=_ceiling(e, groups, (interval[0], share, interval[1]), fraction, repeats, seed),
    )


def _grouped(errors: FloatArray, names: FloatArray) -> _Groups:
    place = np.unique(names, return_inverse=True)[1].astype(np.int64)
    counts = np.bincount(place).astype(np.float64)
    means = np.bincount(place, weights=errors) / counts
    squares = np.bincount(place, weights=(errors - means[place]) ** 2)
    return _Groups(place, counts, means, np.asarray(squares, np.float64))


def _components(groups: _Groups, confidence: float) -> tuple[float, float, tuple[float, float]]:
    """Variance over seeds, variance of networks, and the interval of the seeds' share.

    The interval is the wider one, at each end, of F's, which assumes normal errors, and the jackknife's over networks.
    """
    from scipy.stats import f

    a, freedom = groups.counts.size, float(groups.counts.sum()) - groups.counts.size
    every = np.array([groups.counts, groups.counts**2, groups.counts * groups.means, groups.counts * groups.means**2])
    within, between, ratio, size = (
        float(each[0]) for each in _analysis(every.sum(axis=1)[:, np.newaxis], a, np.array([groups.squares.sum()]))
    )
    if within <= 1e-20 * max(1.0, float(groups.means.mean()) ** 2):
        return 0.0, between, (0.0, 0.0)
    tail = (1 - confidence) / 2
    # between / within lies in (end - 1) / size
    ends = [ratio / float(f.ppf(q, a - 1, freedom)) for q in (tail, 1 - tail)]
    low, high = (1 / (1 + max(0.0, (end - 1) / size)) for end in ends)
    if between > 0:
        other = _jackknife(groups, every, within / (within + between), tail)
        low, high = min(low, other[0]), max(high, other[1])
    return within, between, (low, high)


def _analysis(sums: FloatArray, a: int, squares: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Analysis of variance of several populations at once.

    Args:
        sums: (4, s) over their networks, of counts, counts squared, counts * means, counts * means squared.
        a: Networks of each.
        squares: (s,) sums of squares within networks.

    Returns:
        Variance over seeds, variance of networks (0 at least), the ratio F, and the size of a network's group, as it
        counts where sizes differ; (s,) each.
    """
    total = sums[0]
    within = squares / np.maximum(total - a, 1)
    mean_square = (sums[3] - sums[2] ** 2 / total) / (a - 1)
    size = (total - sums[1] / total) / (a - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return within, np.maximum(0.0, (mean_square - within) / size), mean_square / within, size


def _jackknife(groups: _Groups, every: FloatArray, share: float, tail: float) -> tuple[float, float]:
    """The interval of the share by leaving out each network once, on the scale of its log odds."""
    from scipy.special import expit, logit
    from scipy.stats import t

    a = groups.counts.size
    rest = every.sum(axis=1)[:, np.newaxis] - every
    within, between, _, _ = _analysis(rest, a - 1, groups.squares.sum() - groups.squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.log(within / between)
    odds = odds[np.isfinite(odds)]
    if odds.size < a:  # without some network nothing is left: then nothing is known
        return 0.0, 1.0
    error = np.sqrt((a - 1) / a * np.sum((odds - odds.mean()) ** 2))
    reach = float(t.ppf(1 - tail, int((groups.counts > 1).sum()) - 1) * error)
    return float(expit(logit(share) - reach)), float(expit(logit(share) + reach))


def _ceiling(
    errors: FloatArray,
    groups: _Groups,
    shares: tuple[float, float, float],
    fraction: float,
    repeats: int,
    seed: int,
) -> Ceiling:
    """shares: of seeds, at the low end of its interval, as estimated, and at the high end."""
    repetitions = _repetitions(errors, groups)
    seen = _mean([kendall(x, y) for x, y in _pairs(repetitions)])
    if (groups.counts > 1).all():
        taus, best = _agreement(_pairs(repetitions, both_ways=True), fraction)
        return Ceiling(taus, None, best, None, fraction, "repeats", seen)
    found = [_agreement(_simulated(groups, share, repeats, seed), fraction) for share in shares]
    (high, best_high), (tau, best), (low, best_low) = found
    within = None if best is None or best_low is None or best_high is None else (best_low, best_high)
    return Ceiling(tau, (low, high), best, within, fraction, "simulation", seen)


def _repetitions(errors: FloatArray, groups: _Groups) -> FloatArray:
    """(a, k) the errors of each network in the order of its seeds, NaN where it has fewer."""
    table = np.full((groups.counts.size, int(groups.counts.max())), np.nan)
    order = np.argsort(groups.place, kind="stable")
    starts = np.concatenate([[0], np.cumsum(groups.counts)[:-1]]).astype(np.int64)
    column = np.arange(errors.size) - starts[groups.place[order]]
    table[groups.place[order], column] = errors[order]
    return table


def _pairs(table: FloatArray, *, both_ways: bool = False) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Two seeds of all networks that have both; both_ways: each as the second, which says what is best."""
    for i, j in combinations(range(table.shape[1]), 2):
        both = np.isfinite(table[:, i]) & np.isfinite(table[:, j])
        if both.sum() > 1:
            yield table[both, i], table[both, j]
            if both_ways:
                yield table[both, j], table[both, i]


def _simulated(groups: _Groups, share: float, repeats: int, seed: int) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Pairs of repetitions of all networks; share: of seeds, in the variance of errors of single trainings."""
    rng = np.random.default_rng(seed)
    within, between, _ = _components(groups, 0.95)
    total = within + between
    center, spread = groups.means.mean(), float(groups.means.var(ddof=1))
    # the networks' own errors: as seen, drawn in to the variance that is left without the seeds'
    own = center + (groups.means - center) * np.sqrt((1 - share) * total / spread if spread > 0 else 0.0)
    local = _local_variance(groups)
    noise = np.sqrt(local * (share * total / max(float(local.mean()), 1e-300)))
    for _ in range(repeats):
        first, second = rng.standard_normal((2, own.size))
        yield own + noise * first, own + noise * second


def _local_variance(groups: _Groups) -> FloatArray:
    """(a,) the variance over seeds of networks of about the same error, pooled."""
    repeated = np.flatnonzero(groups.counts > 1)
    many = min(repeated.size, max(_NEAREST, repeated.size // 6))
    gaps = np.abs(groups.means[:, np.newaxis] - groups.means[repeated])
    nearest = repeated[np.argpartition(gaps, many - 1, axis=1)[:, :many]]
    return np.asarray(groups.squares[nearest].sum(axis=1) / (groups.counts[nearest] - 1).sum(axis=1))


def _agreement(pairs: Iterator[tuple[FloatArray, FloatArray]], fraction: float) -> tuple[float, float | None]:
    """Mean tau over pairs of rankings: of all networks, and among the best by the second one."""
    every: list[float | None] = []
    among: list[float | None] = []
    for x, y in pairs:
        every.append(kendall(x, y))
        chosen = best_of(y, fraction)
        if chosen.sum() >= LEAST_BEST:
            among.append(kendall(x[chosen], y[chosen]))
    return _mean(every) or 0.0, _mean(among)


def _mean(taus: list[float | None]) -> float | None:
    known = [tau for tau in taus if tau is not None]
    return float(np.mean(known)) if known else None
