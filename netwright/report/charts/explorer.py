"""Linked pictures: brushing any of the small ones recomputes the error distribution above from what is left."""

from __future__ import annotations

from typing import Any

from netwright.report.charts.theme import FAINT, WIDTH, Spec, colors, finish
from netwright.report.figures.explorer import COSTS, Axis, ExplorerFigure

__all__ = ["explorer_chart"]

_COLUMNS = 4


def explorer_chart(figure: ExplorerFigure) -> Spec:
    """A vertical concatenation of the curve and a grid; the page sets the widths and the grid's columns to fit."""
    import altair as alt

    rows = [
        {"population": population, "trial": trial, "error": error, "weight": 1, "drawn": is_drawn}
        | {f"p{i}": value for i, value in enumerate(values)}
        for population, trial, error, values, is_drawn in figure.rows
    ]
    low, high = figure.error_domain
    room = 0.03 * (high - low) or 0.5
    # rows of no weight make each curve start at 0 and end at 1 within the picture
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
        *(_panel(figure, axis, i, brushes[i], kept) for i, axis in enumerate(figure.axes)), columns=_COLUMNS, spacing=14
    )
    curve = _curves(figure, kept, (low - room, high + room))
    return finish(alt.vconcat(curve, grid, spacing=20), {"networks": [*rows, *ends]})


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


def _panel(figure: ExplorerFigure, axis: Axis, index: int, brush: Any, kept: Any) -> Any:
    import altair as alt

    from netwright.report.charts.parameters import x_scale

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
                scale=x_scale(axis.domain, axis.is_log, base=10 if axis.column in COSTS else 2),
                axis=alt.Axis(
                    tickCount=4, labelOverlap="greedy", format="~s" if axis.column in COSTS else alt.Undefined
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
