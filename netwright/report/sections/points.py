"""Columns of a table as points of a chart: which ones to draw, and on which axis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from netwright.theme import INK

__all__ = [
    "MOST_POINTS",
    "cost_axis",
    "cost_format",
    "cost_title",
    "error_scale",
    "error_x",
    "failure_marks",
    "is_wide",
    "thin",
    "value_axis",
    "values_of",
    "x_scale",
]

MOST_POINTS = 600  # more are slow to draw, and no clearer
_MOST_TICKS = 5
_APART = 6  # pixels between the labels of two ticks
_WIDE = 15.0  # above this ratio of the largest to the smallest value an axis is logarithmic


def is_wide(low: float, high: float) -> bool:
    """Whether an axis from low to high should be logarithmic."""
    return low > 0 and high / low > _WIDE


def values_of(frame: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """A column as numbers, (rows,): True is 1, and what is not a number is NaN."""
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def thin(n: int, most: int) -> npt.NDArray[np.intp]:
    """Which of n rows, best first, to draw: all, or an even selection that keeps the best and the worst."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.intp)) if n else np.empty(0, np.intp)


def x_scale(domain: tuple[float, float], is_log: bool, base: int | None = None) -> Any:
    """An Altair scale with some room at both ends; logarithmic ones have ticks at powers of `base`.

    By default these are of 2, as widths are, and of 10 for values below 1/8, as learning rates are, or far above 1.
    """
    import altair as alt

    low, high = domain
    if base is None:
        base = 2 if low >= 2**-3 and high <= 2**12 else 10
    if is_log:
        return alt.Scale(type="log", base=base, domain=[low / 1.12, high * 1.12], nice=False)
    room = 0.04 * (high - low) or 0.5
    return alt.Scale(domain=[low - room, high + room], nice=False, zero=False)


def error_scale(errors: Sequence[float]) -> Any:
    """An Altair scale of errors in percent: with room for whole points, also where all are equal, never below 0%.

    errors: All that are drawn, at least one.
    """
    import altair as alt

    low, high = min(errors), max(errors)
    room = 0.05 * (high - low) or 0.5
    return alt.Scale(domain=[max(0.0, low - room), high + room], zero=False, nice=False)


def error_x(ends: tuple[float, float]) -> Any:
    """The Altair axis of an error distribution, from end to end in percent; ticks that are far enough apart to read."""
    import altair as alt

    scale = alt.Scale(domain=list(ends), nice=False, zero=False)
    return alt.X("error:Q", title="error, %", scale=scale, axis=alt.Axis(tickCount=10))


def cost_title(cost: str) -> str:
    """What an axis calls a cost: `latency, ms`; others have no unit, and keep their names."""
    return "latency, ms" if cost == "latency_ms" else cost


def cost_format(cost: str) -> str:
    """How one value of a cost is written: 1.23M, but 0.15 ms and not 150m."""
    return ".3~g" if cost == "latency_ms" else ".3s"


def cost_axis(cost: str = "flops") -> Any:
    """An Altair axis of flops, parameters or activations: 300k, 400k; of latency: 0.3, 0.4."""
    import altair as alt

    written = "~g" if cost == "latency_ms" else "~s"
    return alt.Axis(tickCount=4, labelOverlap="greedy", labelSeparation=_APART, format=written)


def value_axis(domain: tuple[float, float], is_log: bool, is_whole: bool, words: Sequence[str] = ()) -> Any:
    """An Altair axis of a parameter: ticks of whole numbers where all values are, and never ones that overlap.

    words: What 0, 1, 2, ... stand for.
    """
    import altair as alt

    if words:
        return alt.Axis(
            values=list(range(len(words))),
            labelExpr=f"{json.dumps(list(words))}[datum.value]",
            labelLimit=60,
            labelOverlap="greedy",
            labelSeparation=_APART,
        )

    low, high = domain
    if is_whole:
        count = high - low + 1
        if not is_log and count <= _MOST_TICKS:
            return alt.Axis(
                values=[low + i for i in range(round(count))], format="d", labelOverlap="greedy", labelSeparation=_APART
            )
        return alt.Axis(
            tickCount=_MOST_TICKS,
            tickMinStep=1,
            format="~d" if high < 1e4 else "~s",
            labelOverlap="greedy",
            labelSeparation=_APART,
        )
    # 9.53674316406e-7 is nobody's number: three digits, as powers of ten where they are far from 1
    small = min(abs(low), abs(high)) < 1e-3 or max(abs(low), abs(high)) >= 1e5
    return alt.Axis(
        tickCount=_MOST_TICKS, format=".2~e" if small else ".3~r", labelOverlap="greedy", labelSeparation=_APART
    )


def failure_marks(data: str, x: Any, tooltip: Sequence[Any]) -> Any:
    """Networks that failed, as crosses at the upper edge of a chart: they have no error, and are behind all others."""
    import altair as alt

    return (
        alt.Chart(alt.NamedData(data))
        .mark_point(
            shape="cross", angle=45, filled=True, size=34, color=INK, opacity=1, fillOpacity=0.7, strokeOpacity=0
        )
        .encode(x=x, y=alt.value(5), tooltip=list(tooltip))
    )
