"""What parameters explain one by one: a sum of broken lines, to see what is left for two of them together."""

from __future__ import annotations

import numpy as np

from netwright.stats.checks import FloatArray

__all__ = ["additive_fit"]

_BENDS = ((0.25, 0.5, 0.75), (0.5,), ())  # where lines are broken, as quantiles: of many networks, of few, of very few
_NETWORKS_A_COLUMN = 3


def additive_fit(columns: list[FloatArray], is_category: list[bool], y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least squares by a sum of one function of each parameter.

    Args:
        columns: For each parameter, (n,) numbers.
        is_category: For each, whether they stand for words; each word has a mean of its own then.
        y: (n,).

    Returns:
        What it predicts, and what is left, as large as before the fit took its part: (n,) each.
    """
    for bends in _BENDS:
        design = np.column_stack([np.ones(y.size), *map(lambda x, c: _basis(x, c, bends), columns, is_category)])
        if design.shape[1] * _NETWORKS_A_COLUMN <= y.size:
            break
    solution, _, rank, _ = np.linalg.lstsq(design, y, rcond=1e-8)
    fitted = design @ solution
    left = (y - fitted) * np.sqrt(y.size / max(1, y.size - int(rank)))
    return fitted, left


def _basis(x: FloatArray, is_category: bool, bends: tuple[float, ...]) -> FloatArray:
    distinct = np.unique(x)
    if is_category or distinct.size <= len(bends) + 1:
        return np.asarray(x[:, np.newaxis] == distinct[1:], np.float64)
    scaled = (x - x.mean()) / x.std()
    return np.column_stack([scaled, *(np.maximum(0.0, scaled - np.quantile(scaled, q)) for q in bends)])
