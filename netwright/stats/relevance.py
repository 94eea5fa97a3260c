"""Which parameters of a design space explain its errors, so that refining them may help?"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, check_sample, check_simulation
from netwright.stats.holm import holm
from netwright.stats.shuffles import chunk_rows, midranks

__all__ = ["Relevance", "importance"]

_MANY = 10_000  # networks: of more, the test's own distribution is as good as shuffles


@dataclass(frozen=True, slots=True)
class Relevance:
    """How much one parameter explains the error. Refine by parameters with a small `p_holm`.

    Attributes:
        spearman: Rank correlation with the error, negative where larger values are better.
        spearman_p: Its two-sided p-value, by a permutation test.
        explained: Share of the variance of the errors' ranks between `bins` groups of similar values (eta squared).
        by_chance: The share that a useless parameter has on average, (bins - 1) / (n - 1).
        bins: Number of groups.
        explained_p: p-value of `explained`, by the same permutation test.
        p_value: Twice the smaller of the two p-values, since either one counts; of a category, `explained_p`.
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
    parameters: Mapping[str, npt.ArrayLike],
    errors: npt.ArrayLike,
    bins: int = 4,
    repeats: int = 9999,
    seed: int = 0,
    categories: Collection[str] = (),
) -> dict[str, Relevance]:
    """How much each parameter alone explains the error.

    Each parameter is tested by itself: what two explain only together is not found, and a parameter that is correlated
    with the cause is. Spearman's correlation finds trends; `explained` finds a valley, too. Both work on ranks, because
    failed networks count as 100%: with a fifth of them, 200 networks and a valley, `explained` on errors finds it in 6%
    of populations and on ranks in 92%. Where nothing fails, and errors are normal, ranks find a little less (56%
    against 62% for a trend, n = 48), and of a parameter that only makes networks fail they find half.

    Args:
        parameters: Name -> (n,) numbers. One of at most `bins` distinct values is grouped by value, others by their
            quantiles; a constant one explains nothing.
        errors: (n,).
        bins: Number of groups.
        repeats: Of the permutation test. More than 10,000 networks take none: Kruskal and Wallis's test says the same.
        seed: Likewise. The order of rows does not matter.
        categories: The parameters whose numbers stand for words in no order: each value is a group, and only
            `explained` is tested.

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
    order = np.lexsort((*values.values(), e))
    ranks = midranks(e[order])
    columns = {name: x[order] for name, x in values.items()}
    groups = [_groups(x, x.size if name in categories else bins) for name, x in columns.items()]
    explained, spearman, explained_p, spearman_p = _tested(list(columns.values()), groups, ranks, repeats, seed)
    unordered = np.array([name in categories for name in columns])
    spearman, spearman_p = np.where(unordered, 0.0, spearman), np.where(unordered, 1.0, spearman_p)
    p_values = np.minimum(2 * np.minimum(spearman_p, explained_p), 1.0)
    p_values = np.where(unordered, explained_p, p_values)  # one test, not two
    corrected = holm(p_values)
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
            p_holm=float(corrected[i]),
        )
    return dict(sorted(results.items(), key=lambda item: (item[1].p_value, -item[1].explained)))


def _groups(x: FloatArray, bins: int) -> npt.NDArray[np.intp]:
    """The group of every value, numbered from 0 without gaps."""
    distinct, place = np.unique(x, return_inverse=True)
    if distinct.size <= bins:
        return place
    inner = np.quantile(x, np.arange(1, bins) / bins)
    return np.unique(np.searchsorted(inner, x, side="left"), return_inverse=True)[1]


def _tested(
    columns: list[FloatArray], groups: list[npt.NDArray[np.intp]], ranks: FloatArray, repeats: int, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Eta squared and Spearman's correlation of every parameter, and the permutation p-values of both, (k,) each.

    All parameters use the same shuffles.
    """
    centered = ranks - ranks.mean()
    total = float(centered @ centered)
    if total == 0:
        return np.zeros(len(groups)), np.zeros(len(groups)), np.ones(len(groups)), np.ones(len(groups))
    members = [(g[:, np.newaxis] == np.arange(g.max() + 1)).astype(np.float64) for g in groups]
    starts = np.concatenate([[0], np.cumsum([m.shape[1] for m in members])[:-1]])
    member = np.column_stack(members)
    sizes = member.sum(axis=0)
    lines = np.column_stack([_direction(x) for x in columns])

    def measured(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        between = np.add.reduceat((rows @ member) ** 2 / sizes, starts, axis=1) / total
        return np.asarray(between), rows @ lines / np.sqrt(total)

    explained, spearman = (values[0] for values in measured(centered[np.newaxis]))
    explained[[m.shape[1] == 1 for m in members]] = 0.0  # a constant explains nothing, not 1e-30
    if ranks.size > _MANY:
        return explained, spearman, *_asymptotic(explained, spearman, [m.shape[1] for m in members], ranks.size)
    rng = np.random.default_rng(seed)
    explained_as_much, as_steep = np.zeros(len(groups)), np.zeros(len(groups))
    for rows in chunk_rows(repeats, ranks.size):
        between, slope = measured(rng.permuted(np.broadcast_to(centered, (rows, ranks.size)), axis=1))
        explained_as_much += np.sum(between >= explained - 1e-12, axis=0)
        as_steep += np.sum(np.abs(slope) >= np.abs(spearman) - 1e-12, axis=0)
    return explained, spearman, (1 + explained_as_much) / (1 + repeats), (1 + as_steep) / (1 + repeats)


def _asymptotic(
    explained: FloatArray, spearman: FloatArray, groups: list[int], n: int
) -> tuple[FloatArray, FloatArray]:
    """The p-values of Kruskal and Wallis's test and of Spearman's correlation, (k,) each."""
    from scipy.stats import chi2, norm  # takes longer to import than all the rest of this package

    freedom = np.array(groups) - 1
    explained_p = np.where(freedom > 0, chi2.sf(explained * (n - 1), np.maximum(freedom, 1)), 1.0)
    return np.asarray(explained_p), np.asarray(2 * norm.sf(np.abs(spearman) * np.sqrt(n - 1)))


def _direction(x: FloatArray) -> FloatArray:
    """The ranks of x around their mean, of length 1; 0 for a constant."""
    ranks = midranks(x)
    centered = ranks - ranks.mean()
    return np.asarray(centered / (np.linalg.norm(centered) or 1.0))
