"""Linked charts: a brush on any of the small ones redraws the error distribution of the networks that are left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import (
    cost_axis,
    cost_title,
    error_x,
    is_wide,
    thin,
    value_axis,
    values_of,
    x_scale,
)
from netwright.report.view import PopulationView, on_one_scale
from netwright.theme import FAINT, WIDTH, Spec, colors, to_spec

__all__ = ["BrushAxis", "ExplorerFigure", "ExplorerRow", "explorer_chart", "explorer_figure"]

_COSTS = ("flops", "params", "acts", "latency_ms")
_MOST_AXES = 12
_MOST_ROWS = 3000
_MOST_MARKS = 4000  # in all charts together: a browser redraws them at every step of a brush


@dataclass(frozen=True)
class BrushAxis:
    """One column to brush, with its smallest and largest value; is_whole: whether all values are whole numbers.

    words: What 0, 1, 2, ... stand for, of a column of words.
    """

    column: str
    domain: tuple[float, float]
    is_log: bool
    is_whole: bool = False
    words: tuple[str, ...] = ()


class ExplorerRow(NamedTuple):
    """A network: its error in percent (of a failed one the worst), its value on each axis, whether it is drawn."""

    population: str
    trial: int
    error: float
    values: tuple[float | None, ...]
    is_drawn: bool
    failed: bool = False


@dataclass(frozen=True)
class ExplorerFigure:
    """The columns to brush, and the networks.

    Attributes:
        rows: The networks.
        error_domain: The smallest and the largest error of a network that did not fail.
    """

    axes: tuple[BrushAxis, ...]
    populations: tuple[str, ...]
    rows: tuple[ExplorerRow, ...]
    error_domain: tuple[float, float]
    sentences: tuple[str, ...]


def explorer_figure(data: ReportData) -> ExplorerFigure | Missing:
    """Costs and parameters that vary, for at most 3,000 networks."""
    views = [view for view in on_one_scale(data.populations) if len(view.errors)]
    if all(view.done.empty for view in views):
        return Missing("no trial has an error")
    names = dict.fromkeys([*_COSTS, *(parameter for view in views for parameter in view.parameters)])
    varying = [axis for name in names if (axis := _axis(views, name)) is not None]
    axes = tuple(varying[:_MOST_AXES])
    if not axes:
        return Missing("the table has no column beside the error that varies")
    rows = tuple(row for view in views for row in _rows(view, axes, len(views)))
    errors = [row.error for row in rows if not row.failed]
    explanation = (
        "Drag across any of the small charts to keep only the networks inside; more selections narrow further, and a "
        "double click clears them. The bold curve and its legend, name [n | min | mean], are recomputed from the "
        "networks that are left; the thin curve shows all."
    )
    if any(row.failed for row in rows):
        explanation += f" Failed networks are crosses at the upper edge, and count as {views[0].failure_error:g}%."
    if len(varying) > len(axes):
        explanation += f" The first {len(axes)} of {len(varying)} columns are shown."
    total = sum(len(view.errors) for view in views)
    if len(rows) < total:
        explanation += (
            f" Only {len(rows):,} of {total:,} networks are in these charts, selected evenly from best to worst."
        )
    shown = tuple(view.name for view in views)
    return ExplorerFigure(axes, shown, rows, (min(errors), max(errors)), (explanation,))


def _rows(view: PopulationView, axes: Sequence[BrushAxis], populations: int) -> Iterator[ExplorerRow]:
    places = thin(len(view.counted), _MOST_ROWS // populations)
    kept, n_done = view.counted.iloc[places], len(view.done)
    drawn = np.zeros(len(kept), bool)
    drawn[thin(len(kept), _MOST_MARKS // populations // len(axes))] = True
    absent = np.full(len(kept), np.nan)
    table = np.column_stack([values_of(kept, axis.column) if axis.column in kept else absent for axis in axes])
    for trial, error, values, is_drawn, place in zip(kept["trial"], kept["error"], table, drawn, places, strict=True):
        cells = tuple(float(f"{value:.6g}") if np.isfinite(value) else None for value in values)
        yield ExplorerRow(view.name, int(trial), float(error), cells, bool(is_drawn), failed=bool(place >= n_done))


def _axis(views: Sequence[PopulationView], column: str) -> BrushAxis | None:
    seen = np.concatenate([values_of(v.counted, column) for v in views if column in v.counted] or [np.empty(0)])
    seen = seen[np.isfinite(seen)]
    if not len(seen) or seen.min() == seen.max():
        return None
    low, high = float(seen.min()), float(seen.max())
    words = {v.categories.get(column, ()) for v in views if column in v.counted}
    if len(words) > 1:
        return None  # 0 stands for one word in the first table, and for another in the second
    return BrushAxis(column, (low, high), is_wide(low, high), bool((seen == np.round(seen)).all()), words.pop())


# -- drawing -----------------------------------------------------------------------------------------------------------

_COLUMNS = 4


def explorer_chart(figure: ExplorerFigure) -> Spec:
    """The curve above a grid of small charts; the page's script adapts the widths and the number of columns."""
    import altair as alt

    low, high = figure.error_domain
    room = 0.03 * (high - low) or 0.5
    rows = [
        {"population": row.population, "trial": row.trial, "error": round(row.error, 4), "weight": 1}
        | {"drawn": row.is_drawn, "failed": int(row.failed), "y": high + room if row.failed else round(row.error, 4)}
        | {f"p{i}": value for i, value in enumerate(row.values)}
        for row in figure.rows
    ]
    # rows of weight 0 make each curve start at 0 and end inside the chart: at 1, or below it where networks failed
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
        "x": error_x(domain),
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
            .mark_line(interpolate="step-after", clip=True, **mark)
            .encode(**encoding)
        )

    everything = curve(steps, strokeWidth=1, strokeOpacity=0.6)
    chosen = curve(steps.transform_filter(kept | alt.FieldEqualPredicate(equal=0, field="weight")), strokeWidth=2.6)
    readout = (
        alt.Chart(alt.NamedData("networks"))
        .transform_filter("datum.weight > 0")
        .transform_filter(kept)
        .transform_aggregate(
            n="count()", least="min(error)", mean="mean(error)", failed="sum(failed)", groupby=["population"]
        )
        .transform_calculate(
            words="datum.population + ' [' + datum.n + ' | ' + format(datum.least, '.1f') + ' | ' + "
            "format(datum.mean, '.1f') + (datum.failed > 0 ? ' | ' + datum.failed + ' failed' : '') + ']'"
        )
        .transform_window(line="row_number()", sort=[alt.SortField("population", order="descending")])
        # above the curves, wherever these run
        .mark_text(align="left", dy=-10, fontSize=12, fontWeight=600, clip=False)
        .encode(
            x=alt.value(0),
            y=alt.Y("line:Q", axis=None, scale=alt.Scale(domain=[1, 16], range=[0, -240], nice=False)),
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
    low, high = figure.error_domain
    room = 0.03 * (high - low) or 0.5
    y = alt.Y(
        "y:Q",
        title="error, %" if index % _COLUMNS == 0 else None,
        scale=alt.Scale(domain=[low - room, high + room], zero=False, nice=False),
    )
    return (
        alt.Chart(alt.NamedData("networks"), name=f"panel{index}")
        .transform_filter("datum.drawn === true")
        .mark_point(size=22, opacity=1, filled=True, strokeOpacity=0, angle=45)
        .encode(
            x=alt.X(
                f"p{index}:Q",
                title=cost_title(axis.column),
                scale=x_scale(axis.domain, axis.is_log, base=10 if axis.column in _COSTS else None),
                axis=cost_axis(axis.column)
                if axis.column in _COSTS
                else value_axis(axis.domain, axis.is_log, axis.is_whole, axis.words),
            ),
            y=y,
            shape=alt.Shape("failed:N", scale=alt.Scale(domain=[0, 1], range=["circle", "cross"]), legend=None),
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
