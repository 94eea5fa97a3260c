"""Holm's correction, for several tests of which any could be the one that is named (Scand. J. Stat. 6, 1979)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netwright.stats.checks import FloatArray

__all__ = ["holm"]


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Corrected p-values, in the order of those that are given.

    Args:
        p_values: (n,) of the tests.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values)
    steps = values[order] * np.arange(values.size, 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
