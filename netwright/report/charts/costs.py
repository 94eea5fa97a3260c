"""The error against flops, params and acts, with the Pareto front."""

from __future__ import annotations

from typing import Any

from netwright.report.charts.theme import INK, SMALL, Spec, colors, finish, shapes
from netwright.report.figures.costs import CostPanel, CostsFigure

__all__ = ["costs_chart"]


def costs_chart(figure: CostsFigure) -> Spec:
    import altair as alt

    data = {}
    panels: list[Any] = []
    for panel in figure.panels:
        data[panel.cost] = [
            {"x": x, "error": error, "population": population, "trial": trial}
            for x, error, population, trial in zip(panel.x, panel.error, panel.population, panel.trial, strict=True)
        ]
        data[f"{panel.cost} front"] = [
            {"x": x, "error": error, "population": population, "trial": trial}
            for x, error, population, trial in panel.front
        ]
        panels.append(_panel(panel, figure.populations, is_first=not panels))
    return finish(alt.concat(*panels, columns=3, spacing=18), data)


def _panel(panel: CostPanel, populations: tuple[str, ...], is_first: bool) -> Any:
    import altair as alt

    names = list(populations)
    legend = alt.Legend(orient="top", direction="horizontal") if len(names) > 1 else None
    x = alt.X(
        "x:Q",
        title=panel.cost,
        scale=alt.Scale(type="log", nice=False, padding=8) if panel.is_log else alt.Scale(zero=False, padding=8),
        axis=alt.Axis(format="~s", tickCount=4, labelOverlap="greedy"),
    )
    y = alt.Y("error:Q", title="error, %" if is_first else None, scale=alt.Scale(zero=False))
    tooltip: list[Any] = [
        "population:N",
        "trial:Q",
        alt.Tooltip("x:Q", format=".3s", title=panel.cost),
        alt.Tooltip("error:Q", format=".2f"),
    ]
    points = (
        alt.Chart(alt.NamedData(panel.cost))
        .mark_point(filled=True, size=30, opacity=1, fillOpacity=0.5, strokeOpacity=0.5)
        .encode(
            x=x,
            y=y,
            color=alt.Color("population:N", scale=alt.Scale(domain=names, range=colors(names)), legend=legend),
            shape=alt.Shape("population:N", scale=alt.Scale(domain=names, range=shapes(names)), legend=legend),
            tooltip=tooltip,
        )
    )
    front = alt.Chart(alt.NamedData(f"{panel.cost} front")).encode(x="x:Q", y="error:Q", tooltip=tooltip)
    # between two networks of the front only the cheaper one can be had, hence steps
    line = front.mark_line(interpolate="step-after", color=INK, strokeWidth=1.4)
    marks = front.mark_point(filled=False, size=60, color=INK, strokeWidth=1.4)
    return alt.layer(points, line, marks).properties(width=SMALL, height=230)
