"""Do the best networks of a population differ from the others in some number, such as e_fit?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import BoolArray, FloatArray, check_sample, check_simulation
from netwright.stats.shuffles import midranks, permutation_p

__all__ = ["BestAgainstRest", "best_against_rest"]


@dataclass(frozen=True, slots=True)
class BestAgainstRest:
    """A number of the best networks against that of the others.

    Attributes:
        n_best, n_rest: Sizes of both groups; equal errors are never divided, so the best may be a few more or less.
        median_best, median_rest: Of the number; NaN for an empty group.
        superiority: Probability that a best one has a smaller number than one of the others, where ties count half.
        p_value: Two-sided, by a permutation test of Mann and Whitney's rank sum; 1 where a group is empty.
    """

    n_best: int
    n_rest: int
    median_best: float
    median_rest: float
    superiority: float
    p_value: float


def best_against_rest(
    values: npt.ArrayLike, errors: npt.ArrayLike, fraction: float = 0.25, repeats: int = 9999, seed: int = 0
) -> BestAgainstRest:
    """Whether a number of the best networks differs from that of the others.

    The best are chosen by their errors, so this tests whether the number goes with the error: in half of all
    populations where it does not, the best have the smaller median. Use one population: in several the number may only
    tell where a network comes from.

    Args:
        values: (n,) such as e_fit.
        errors: (n,).
        fraction: Of the networks that count as the best.
        repeats: Number of shuffles.
        seed: Of the shuffles. The order of rows does not matter.

    Raises:
        StatsError: An empty sample, NaN or infinity, different lengths, or a fraction that is not between 0 and 1.
    """
    e = check_sample(errors)
    x = check_sample(values, "values", length=e.size)
    check_simulation(repeats, seed)
    if not 0 < fraction < 1:
        raise StatsError(f"fraction must lie between 0 and 1, not {fraction}: 0.25 is the best quarter.")
    is_best = _best(e, fraction)
    best, rest = np.sort(x[is_best]), np.sort(x[~is_best])
    if not best.size or not rest.size:
        medians = [float(np.median(group)) if group.size else float("nan") for group in (best, rest)]
        return BestAgainstRest(best.size, rest.size, medians[0], medians[1], 0.5, 1.0)
    ranks = midranks(np.concatenate([best, rest]))

    def rank_sum(a: FloatArray, b: FloatArray) -> FloatArray:
        return np.asarray(a.sum(axis=-1))

    of_best, of_rest = ranks[: best.size], ranks[best.size :]
    smaller = best.size * rest.size + best.size * (best.size + 1) / 2 - of_best.sum()
    return BestAgainstRest(
        n_best=best.size,
        n_rest=rest.size,
        median_best=float(np.median(best)),
        median_rest=float(np.median(rest)),
        superiority=float(smaller / (best.size * rest.size)),
        p_value=permutation_p(of_best, of_rest, rank_sum, repeats, "two-sided", np.random.default_rng(seed)),
    )


def _best(errors: FloatArray, fraction: float) -> BoolArray:
    """The networks up to the last of the best ones, with those of the same error; without them where that is all."""
    last = np.sort(errors)[max(1, round(fraction * errors.size)) - 1]
    with_ties = errors <= last
    return np.asarray(errors < last if with_ties.all() else with_ties)
