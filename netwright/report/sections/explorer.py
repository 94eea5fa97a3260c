"""Linked charts: a brush on any of the small ones redraws the error distribution of the networks that are left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import is_wide, thin, values_of, x_scale
from netwright.theme import FAINT, WIDTH, Spec, colors, to_spec

__all__ = ["BrushAxis", "ExplorerFigure", "explorer_chart", "explorer_figure"]

_COSTS = ("flops", "params", "acts")
_MOST_AXES = 12
_MOST_ROWS = 6000
_MOST_MARKS = 6000  # in all charts together: a browser redraws them at every step of a brush


@dataclass(frozen=True)
class BrushAxis:
    """One column to brush, with its smallest and largest value."""

    column: str
    domain: tuple[float, float]
    is_log: bool


@dataclass(frozen=True)
class ExplorerFigure:
    """The columns to brush, and the networks.

    Attributes:
        rows: For each network: population, trial, error (percent), its value on each axis or None, whether it is drawn.
        error_domain: The smallest and the largest error.
    """

    axes: tuple[BrushAxis, ...]
    populations: tuple[str, ...]
    rows: tuple[tuple[str, int, float, tuple[float | None, ...], bool], ...]
    error_domain: tuple[float, float]
    sentences: tuple[str, ...]


def explorer_figure(data: ReportData) -> ExplorerFigure | Missing:
    """Costs and parameters that vary, for at most 6,000 networks."""
    views = [view for view in data.populations if not view.done.empty]
    if not views:
        return Missing("no trial has an error")
    names = dict.fromkeys([*_COSTS, *(parameter for view in views for parameter in view.parameters)])
    varying = [axis for name in names if (axis := _axis(data, name)) is not None]
    axes = varying[:_MOST_AXES]
    if not axes:
        return Missing("the table has no column beside the error that varies")
    rows = []
    for view in views:
        kept = view.done.iloc[thin(len(view.done), _MOST_ROWS // len(views))]
        drawn = np.zeros(len(kept), bool)
        drawn[thin(len(kept), _MOST_MARKS // len(views) // len(axes))] = True
        absent = np.full(len(kept), np.nan)
        columns = [values_of(kept, axis.column) if axis.column in kept else absent for axis in axes]
        table = np.column_stack(columns)
        for trial, error, values, is_drawn in zip(kept["trial"], kept["error"], table, drawn, strict=True):
            cells = tuple(float(value) if np.isfinite(value) else None for value in values)
            rows.append((view.name, int(trial), float(error), cells, bool(is_drawn)))
    errors = [row[2] for row in rows]
    explanation = (
        "Drag across any of the small charts to keep only the networks inside; more selections narrow further, and a "
        "double click clears them. The bold curve and its legend, name [n | min | mean], are recomputed from the "
        "networks that are left; the thin curve shows all."
    )
    if len(varying) > len(axes):
        explanation += f" The first {len(axes)} of {len(varying)} columns are shown."
    shown = tuple(view.name for view in views)
    return ExplorerFigure(tuple(axes), shown, tuple(rows), (min(errors), max(errors)), (explanation,))


def _axis(data: ReportData, column: str) -> BrushAxis | None:
    seen = np.concatenate([values_of(v.done, column) for v in data.populations if column in v.done] or [np.empty(0)])
    seen = seen[np.isfinite(seen)]
    if not len(seen) or seen.min() == seen.max():
        return None
    low, high = float(seen.min()), float(seen.max())
    return BrushAxis(column, (low, high), is_wide(low, high))


# -- drawing -----------------------------------------------------------------------------------------------------------

_COLUMNS = 4


def explorer_chart(figure: ExplorerFigure) -> Spec:
    """The curve above a grid of small charts; the page's script adapts the widths and the number of columns."""
    import altair as alt

    rows = [
        {"population": population, "trial": trial, "error": error, "weight": 1, "drawn": is_drawn}
        | {f"p{i}": value for i, value in enumerate(values)}
        for population, trial, error, values, is_drawn in figure.rows
    ]
    low, high = figure.error_domain
    room = 0.03 * (high - low) or 0.5
    # rows of weight 0 make each curve start at 0 and end at 1 inside the chart
    ends = [
        {"population": population, "error": error, "weight": 0}
        for population in figure.populations
        for error in (low - room, high + room)
    ]
    brushes = [
        alt.selection_interval(name=f"brush{i}", encodings=["x"], clear="dblclick") for i in range(len(figure.axes))
    ]
    kept: Any = brushes[0]
    for brush in brushes[1:]:
        kept = kept & brush
    grid = alt.concat(
        *(_draw_panel(figure, axis, i, brushes[i], kept) for i, axis in enumerate(figure.axes)),
        columns=_COLUMNS,
        spacing=14,
    )
    curve = _curves(figure, kept, (low - room, high + room))
    return to_spec(alt.vconcat(curve, grid, spacing=20), {"networks": [*rows, *ends]})


def _curves(figure: ExplorerFigure, kept: Any, domain: tuple[float, float]) -> Any:
    import altair as alt

    names = list(figure.populations)
    steps = alt.Chart(alt.NamedData("networks"))
    scale = alt.Scale(domain=names, range=colors(names))
    encoding = {
        "x": alt.X("error:Q", title="error, %", scale=alt.Scale(domain=list(domain), nice=False, zero=False)),
        "y": alt.Y(
            "share:Q", title="share with a lower error", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")
        ),
        "color": alt.Color("population:N", scale=scale, legend=None),
    }

    def curve(chart: Any, **mark: Any) -> Any:
        return (
            chart.transform_window(
                sort=[alt.SortField("error"), alt.SortField("weight", order="descending")],
                below="sum(weight)",
                groupby=["population"],
                frame=[None, 0],
                ignorePeers=True,
            )
            .transform_joinaggregate(total="sum(weight)", groupby=["population"])
            .transform_calculate(share="datum.total > 0 ? datum.below / datum.total : 0")
            .mark_line(interpolate="step-after", **mark)
            .encode(**encoding)
        )

    everything = curve(steps, strokeWidth=1, strokeOpacity=0.6)
    chosen = curve(steps.transform_filter(kept | alt.FieldEqualPredicate(equal=0, field="weight")), strokeWidth=2.6)
    readout = (
        alt.Chart(alt.NamedData("networks"))
        .transform_filter("datum.weight > 0")
        .transform_filter(kept)
        .transform_aggregate(n="count()", least="min(error)", mean="mean(error)", groupby=["population"])
        .transform_calculate(
            words="datum.population + ' [' + datum.n + ' | ' + format(datum.least, '.1f') + ' | ' + "
            "format(datum.mean, '.1f') + ']'"
        )
        .transform_window(line="row_number()", sort=[alt.SortField("population", order="descending")])
        .mark_text(align="right", dx=-8, fontSize=12, fontWeight=600)
        .encode(
            x=alt.value("width"),
            y=alt.Y("line:Q", axis=None, scale=alt.Scale(domain=[0.6, 15], nice=False)),
            text="words:N",
            color=encoding["color"],
        )
    )
    return (
        alt.layer(alt.layer(everything, chosen), readout)
        .resolve_scale(y="independent")
        .properties(width=WIDTH, height=260)
    )


def _draw_panel(figure: ExplorerFigure, axis: BrushAxis, index: int, brush: Any, kept: Any) -> Any:
    import altair as alt

    names = list(figure.populations)
    y = alt.Y("error:Q", title="error, %" if index % _COLUMNS == 0 else None, scale=alt.Scale(zero=False))
    return (
        alt.Chart(alt.NamedData("networks"), name=f"panel{index}")
        .transform_filter("datum.drawn === true")
        .mark_circle(size=22, opacity=1)
        .encode(
            x=alt.X(
                f"p{index}:Q",
                title=axis.column,
                scale=x_scale(axis.domain, axis.is_log, base=10 if axis.column in _COSTS else 2),
                axis=alt.Axis(
                    tickCount=4, labelOverlap="greedy", format="~s" if axis.column in _COSTS else alt.Undefined
                ),
            ),
            y=y,
            color=alt.condition(
                kept,
                alt.Color("population:N", scale=alt.Scale(domain=names, range=colors(names)), legend=None),
                alt.value(FAINT),
            ),
            fillOpacity=alt.condition(kept, alt.value(0.7), alt.value(0.25)),
            tooltip=[
                "population:N",
                "trial:Q",
                alt.Tooltip("error:Q", format=".2f"),
                alt.Tooltip(f"p{index}:Q", title=axis.column),
            ],
        )
        .properties(width=150, height=110)
        .add_params(brush)
    )
