"""Error distributions with their confidence bands, as the papers draw them."""

from __future__ import annotations

from netwright.report.charts.theme import WIDTH, Spec, colors, finish
from netwright.report.figures.edf import EdfFigure

__all__ = ["edf_chart"]

_DASHES = ([1, 0], [9, 2], [3, 2])


def edf_chart(figure: EdfFigure) -> Spec:
    import altair as alt

    labels = [curve.label for curve in figure.curves]
    steps = [
        {"label": curve.label, "error": error, "share": share, "order": i}
        for curve in figure.curves
        for i, (error, share) in enumerate(zip(curve.errors, curve.shares, strict=True))
    ]
    band = [
        {"label": curve.label, "error": error, "lower": lower, "upper": upper}
        for curve in figure.curves
        for error, lower, upper in zip(curve.grid, curve.lower, curve.upper, strict=True)
    ]
    x = alt.X("error:Q", title="error, %", scale=alt.Scale(domain=[figure.low, figure.high], nice=False, zero=False))
    scale = alt.Scale(domain=labels, range=colors(labels))
    legend = alt.Legend(
        orient="top",
        direction="vertical",
        title="name [n | min | mean]",
        titleFontWeight="normal",
        symbolType="stroke",
        symbolSize=400,
    )
    bands = (
        alt.Chart(alt.NamedData("band"))
        .mark_area(opacity=1, fillOpacity=0.14)
        .encode(
            x=x,
            y=alt.Y("lower:Q", title="share of networks with a lower error", scale=alt.Scale(domain=[0, 1])),
            y2="upper:Q",
            color=alt.Color("label:N", scale=scale, legend=legend),
        )
    )
    lines = (
        alt.Chart(alt.NamedData("steps"))
        .mark_line(strokeWidth=2.2, strokeJoin="miter")
        .encode(
            x=x,
            y=alt.Y("share:Q", axis=alt.Axis(format="%")),
            color=alt.Color("label:N", scale=scale, legend=legend),
            strokeDash=alt.StrokeDash(
                "label:N",
                scale=alt.Scale(
                    domain=labels, range=[_DASHES[min(len(labels) - 1 - i, 2)] for i in range(len(labels))]
                ),
                legend=legend,
            ),
            order="order:Q",
            tooltip=["label:N", alt.Tooltip("error:Q", format=".2f"), alt.Tooltip("share:Q", format=".0%")],
        )
    )
    chart = alt.layer(bands, lines).properties(width=WIDTH, height=360)
    return finish(chart, {"band": band, "steps": steps})
