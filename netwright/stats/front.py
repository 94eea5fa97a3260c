"""The Pareto front: networks that no other beats in every respect."""

import numpy as np
import numpy.typing as npt

from netwright.stats.sample import BoolArray, columns, sample

__all__ = ["pareto"]


def pareto(cost: npt.ArrayLike, errors: npt.ArrayLike) -> BoolArray:
    """Which networks are on the front of low cost and low error: (n,) bool, in the order given.

    cost: (n,), or (n, k) for several costs at once (flops, params, latency), all to be minimized; errors: (n,).
    A network is off the front if another is no worse in any column and better in at least one. So equal rows stand or
    fall together, and of two networks of equal cost only the better one can stay.
    Raises StatsError for NaN or infinity: a network without a measured latency has no place in this comparison.
    """
    e = sample(errors)
    points = np.column_stack([columns(cost, "cost", length=e.size), e])
    rows, place = np.unique(points, axis=0, return_inverse=True)
    on_front = np.zeros(len(rows), dtype=np.bool_)
    # rows are distinct and in lexicographic order, so the first one left is beaten by none
    left = np.arange(len(rows))
    while left.size:
        on_front[left[0]] = True
        left = left[(rows[left] < rows[left[0]]).any(axis=1)]
    return on_front[place.ravel()]
