"""The Pareto front: the networks that no other one beats in every respect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from netwright.stats.checks import BoolArray, check_columns, check_sample
from netwright.stats.plots import draw_front

if TYPE_CHECKING:
    import altair as alt

__all__ = ["pareto", "plot_front"]


def pareto(cost: npt.ArrayLike, errors: npt.ArrayLike) -> BoolArray:
    """Which networks are on the Pareto front of cost and error, both minimized.

    A network is off the front if another one is no worse in any column and better in at least one. So equal rows are
    both on it or both off, and of two networks of equal cost only the better one can be on it.

    Args:
        cost: (n,), or (n, k) for several costs at once (flops, params, latency).
        errors: (n,).

    Returns:
        (n,) bool, in the order given.

    Raises:
        StatsError: Another shape, NaN or infinity: a network without a measured latency cannot be compared.
    """
    e = check_sample(errors)
    points = np.column_stack([check_columns(cost, "cost", length=e.size), e])
    rows, place = np.unique(points, axis=0, return_inverse=True)
    on_front = np.zeros(len(rows), dtype=np.bool_)
    # rows are distinct and in lexicographic order, so no other one beats the first that is left
    left = np.arange(len(rows))
    while left.size:
        on_front[left[0]] = True
        left = left[(rows[left] < rows[left[0]]).any(axis=1)]
    return on_front[place.ravel()]


def plot_front(cost: npt.ArrayLike, errors: npt.ArrayLike) -> alt.LayerChart:
    """Networks and their Pareto front as an Altair chart.

    Args:
        cost: (n,) a single cost.
        errors: (n,).

    Raises:
        StatsError: Text, NaN or infinity, or different lengths.
    """
    e = check_sample(errors)
    c = check_sample(cost, "cost", length=e.size)
    return draw_front(c, e, pareto(c, e))
