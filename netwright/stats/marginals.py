"""The functional ANOVA of a forest, exactly: what each parameter, and each pair of them, adds to its prediction.

A leaf is a box with a value, so a forest is a sum of boxes, and its means over all parameters but one or two are sums
too: nothing is sampled. Means are over the product of the parameters' own distributions in the sample. Source: Hutter,
Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014, section 4; there each
tree is decomposed by itself and the shares are averaged, here the forest's mean is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.stats.checks import FloatArray, IntArray

__all__ = ["Boxes", "boxes_of", "total_variance", "variances"]

_ROWS = 256  # of pairs of leaves in memory at once


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """A forest as a sum of boxes over codes 0, 1, ... of each parameter.

    Attributes:
        low, high: (leaves, d) the codes from low to high, without high.
        values: (leaves,) what the box adds to the prediction.
    """

    low: IntArray
    high: IntArray
    values: FloatArray


def boxes_of(trees: Sequence[Any], sizes: IntArray) -> Boxes:
    """The leaves of all trees.

    Args:
        trees: Fitted on codes, as scikit-learn has them: `children_left`, `feature`, `threshold`, `value`, ...
        sizes: (d,) how many codes each parameter has.
    """
    first = np.cumsum([0, *(tree.node_count for tree in trees)])
    left, right, feature, threshold, value = (
        np.concatenate([np.asarray(getattr(tree, name)).reshape(tree.node_count) for tree in trees])
        for name in ("children_left", "children_right", "feature", "threshold", "value")
    )
    shift = np.repeat(first[:-1], np.diff(first))
    left, right, is_leaf = left + shift, right + shift, left < 0
    low = np.zeros((left.size, sizes.size), np.int64)
    high = np.zeros_like(low)
    high[first[:-1]] = sizes
    nodes = first[:-1]
    while (nodes := nodes[~is_leaf[nodes]]).size:  # level by level, all trees at once
        cut = np.floor(threshold[nodes]).astype(np.int64) + 1
        for children, ends in ((left[nodes], high), (right[nodes], low)):
            low[children], high[children] = low[nodes], high[nodes]
            ends[children, feature[nodes]] = cut
        nodes = np.concatenate([left[nodes], right[nodes]])
    return Boxes(low[is_leaf], high[is_leaf], value[is_leaf] / len(trees))


def variances(boxes: Boxes, weights: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """The variance of the main effects, and of the interactions of pairs.

    Args:
        boxes: The forest.
        weights: For each parameter, (codes,) the share of networks with each code.

    Returns:
        (d,) and (d * (d - 1) / 2,), the pairs in the order of `itertools.combinations`.
    """
    shares = _shares(boxes, weights)
    whole = shares.prod(axis=1)
    mean = float(boxes.values @ whole)
    d = len(weights)
    effects = []
    for j in range(d):
        others = boxes.values * whole / shares[:, j]
        effects.append(_sums(boxes, (j,), others, weights) - mean)
    mains = np.array([weights[j] @ effects[j] ** 2 for j in range(d)])
    pairs = []
    for j, k in combinations(range(d), 2):
        others = boxes.values * whole / (shares[:, j] * shares[:, k])
        both = _sums(boxes, (j, k), others, weights) - mean - effects[j][:, np.newaxis] - effects[k]
        pairs.append(weights[j] @ both**2 @ weights[k])
    return mains, np.array(pairs)


def total_variance(boxes: Boxes, weights: Sequence[FloatArray]) -> float:
    """The variance of the forest's prediction: of all effects together, of whatever order."""
    whole = _shares(boxes, weights).prod(axis=1)
    mean, second = float(boxes.values @ whole), 0.0
    cumulative = [np.concatenate([[0.0], np.cumsum(each)]) for each in weights]
    for start in range(0, boxes.values.size, _ROWS):
        rows = slice(start, start + _ROWS)
        product = boxes.values[rows, np.newaxis] * boxes.values
        for j, below in enumerate(cumulative):
            high = below[np.minimum(boxes.high[rows, j, np.newaxis], boxes.high[:, j])]
            low = below[np.maximum(boxes.low[rows, j, np.newaxis], boxes.low[:, j])]
            product *= np.maximum(0.0, high - low)
        second += float(product.sum())
    return max(0.0, second - mean**2)


def _shares(boxes: Boxes, weights: Sequence[FloatArray]) -> FloatArray:
    """(leaves, d) the share of networks between both ends of each box; a leaf has networks, so it is above 0."""
    below = [np.concatenate([[0.0], np.cumsum(each)]) for each in weights]
    return np.stack([s[boxes.high[:, j]] - s[boxes.low[:, j]] for j, s in enumerate(below)], axis=1)


def _sums(boxes: Boxes, which: tuple[int, ...], values: FloatArray, weights: Sequence[FloatArray]) -> FloatArray:
    """The sum of boxes at each code of one parameter, or of two: by their corners, then cumulated."""
    sizes = [weights[j].size + 1 for j in which]
    total = np.zeros(np.prod(sizes))
    ends: list[tuple[npt.NDArray[np.int64], float]] = [(np.zeros(values.size, np.int64), 1.0)]
    for j, size in zip(which, sizes, strict=True):
        corners = ((boxes.low[:, j], 1.0), (boxes.high[:, j], -1.0))
        ends = [(place * size + corner, sign * way) for place, sign in ends for corner, way in corners]
    for place, sign in ends:
        total += np.bincount(place, weights=sign * values, minlength=total.size)
    table = total.reshape(sizes)
    for axis in range(len(which)):
        table = np.cumsum(table, axis=axis)
    return table[tuple(slice(0, -1) for _ in which)]
