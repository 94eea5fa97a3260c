"""Which parameters of a design space explain its errors, so that refining them may help?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, check_sample, check_simulation

__all__ = ["Relevance", "importance"]

_CHUNK = 4_000_000  # numbers in memory at once


@dataclass(frozen=True, slots=True)
class Relevance:
    """How much one parameter explains the error. Refine by parameters with a small `p_holm`.

    Attributes:
        spearman: Rank correlation with the error, negative where larger values are better.
        spearman_p: Its two-sided p-value.
        explained: Share of the error's variance between `bins` groups of similar values (eta squared).
        by_chance: The share that a useless parameter has on average, (bins - 1) / (n - 1).
        bins: Number of groups.
        explained_p: p-value of `explained`, by a permutation test.
        p_value: Twice the smaller of the two p-values, since either one counts.
        p_holm: `p_value` after Holm's correction for the number of parameters that are tested together.
    """

    spearman: float
    spearman_p: float
    explained: float
    by_chance: float
    bins: int
    explained_p: float
    p_value: float
    p_holm: float


def importance(
    parameters: Mapping[str, npt.ArrayLike], errors: npt.ArrayLike, bins: int = 4, repeats: int = 9999, seed: int = 0
) -> dict[str, Relevance]:
    """How much each parameter alone explains the error.

    Each parameter is tested by itself: what two explain only together is not found, and a parameter that is correlated
    with the cause is. Spearman's correlation finds trends; `explained` finds a valley, too.

    Args:
        parameters: Name -> (n,) numbers. One of at most `bins` distinct values is grouped by value, others by their
            quantiles; a constant one explains nothing.
        errors: (n,).
        bins: Number of groups.
        repeats: Of the permutation test.
        seed: Likewise.

    Returns:
        Name -> relevance, the strongest first.

    Raises:
        StatsError: Fewer than 10 networks, text, NaN or infinity, or different lengths.
    """
    e = check_sample(errors, minimum=10)
    check_simulation(repeats, seed)
    if bins < 2:
        raise StatsError(f"bins must be at least 2, not {bins}: 4 groups show a trend and a valley.")
    values = {str(name): check_sample(x, f"'{name}'", length=e.size) for name, x in parameters.items()}
    if not values:
        raise StatsError("importance needs a parameter: the mapping is empty. Pass {'depth': depths, ...}.")
    groups = [_groups(x, bins) for x in values.values()]
    explained, explained_p = _explained(groups, e, repeats, seed)
    spearman, spearman_p = np.transpose([_spearman(x, e) for x in values.values()])
    p_values = np.minimum(2 * np.minimum(spearman_p, explained_p), 1.0)
    holm = _holm(p_values)
    results = {}
    for i, name in enumerate(values):
        count = int(groups[i].max()) + 1
        results[name] = Relevance(
            spearman=float(spearman[i]),
            spearman_p=float(spearman_p[i]),
            explained=float(explained[i]),
            by_chance=(count - 1) / (e.size - 1),
            bins=count,
            explained_p=float(explained_p[i]),
            p_value=float(p_values[i]),
            p_holm=float(holm[i]),
        )
    return dict(sorted(results.items(), key=lambda item: (item[1].p_value, -item[1].explained)))


def _groups(x: FloatArray, bins: int) -> npt.NDArray[np.intp]:
    """The group of every value, numbered from 0 without gaps."""
    distinct, place = np.unique(x, return_inverse=True)
    if distinct.size <= bins:
        return place
    inner = np.quantile(x, np.arange(1, bins) / bins)
    return np.unique(np.searchsorted(inner, x, side="left"), return_inverse=True)[1]


def _explained(
    groups: list[npt.NDArray[np.intp]], errors: FloatArray, repeats: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Eta squared of every parameter and its permutation p-value, (k,) each; all parameters use the same shuffles."""
    centered = errors - errors.mean()
    total = float(centered @ centered)
    if total == 0:
        return np.zeros(len(groups)), np.ones(len(groups))
    members = [(g[:, np.newaxis] == np.arange(g.max() + 1)).astype(np.float64) for g in groups]
    starts = np.concatenate([[0], np.cumsum([m.shape[1] for m in members])[:-1]])
    member = np.column_stack(members)
    sizes = member.sum(axis=0)

    def between(rows: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat((rows @ member) ** 2 / sizes, starts, axis=1) / total)

    observed = between(centered[np.newaxis])[0]
    observed[[m.shape[1] == 1 for m in members]] = 0.0  # a constant explains nothing, not 1e-30
    rng = np.random.default_rng(seed)
    as_extreme = np.zeros(len(groups), dtype=np.int64)
    chunk = max(1, _CHUNK // errors.size)
    for start in range(0, repeats, chunk):
        shape = (min(chunk, repeats - start), errors.size)
        shuffled = rng.permuted(np.broadcast_to(centered, shape), axis=1)
        as_extreme += np.sum(between(shuffled) >= observed - 1e-12, axis=0)
    return observed, (1 + as_extreme) / (1 + repeats)


def _spearman(x: FloatArray, errors: FloatArray) -> tuple[float, float]:
    from scipy.stats import spearmanr  # takes longer to import than all the rest of this package

    if np.ptp(x) == 0 or np.ptp(errors) == 0:
        return 0.0, 1.0
    result = spearmanr(x, errors)
    return float(result.statistic), float(result.pvalue)


def _holm(p_values: FloatArray) -> FloatArray:
    order = np.argsort(p_values)
    steps = p_values[order] * np.arange(p_values.size, 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
