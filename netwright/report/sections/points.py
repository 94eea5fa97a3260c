"""Columns of a table as points of a chart: which ones to draw, and on which axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["MOST_POINTS", "is_wide", "thin", "values_of", "x_scale"]

MOST_POINTS = 1000  # more are slow to draw, and no clearer
_WIDE = 15.0  # above this ratio of the largest to the smallest value an axis is logarithmic


def is_wide(low: float, high: float) -> bool:
    """Whether an axis from low to high should be logarithmic."""
    return low > 0 and high / low > _WIDE


def values_of(frame: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """A column as numbers, (rows,): True is 1, and what is not a number is NaN."""
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def thin(n: int, most: int) -> npt.NDArray[np.intp]:
    """Which of n rows, best first, to draw: all, or an even selection that keeps the best and the worst."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.intp))


def x_scale(domain: tuple[float, float], is_log: bool, base: int = 2) -> Any:
    """An Altair scale with some room at both ends; logarithmic ones have ticks at powers of `base`."""
    import altair as alt

    low, high = domain
    if is_log:
        return alt.Scale(type="log", base=base, domain=[low / 1.12, high * 1.12], nice=False)
    room = 0.04 * (high - low) or 0.5
    return alt.Scale(domain=[low - room, high + room], nice=False, zero=False)
