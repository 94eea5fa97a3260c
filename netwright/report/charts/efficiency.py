"""The expected lowest error of k random networks."""

from __future__ import annotations

from netwright.report.charts.theme import WIDTH, Spec, colors, finish, shapes
from netwright.report.figures.efficiency import EfficiencyFigure

__all__ = ["efficiency_chart"]


def efficiency_chart(figure: EfficiencyFigure) -> Spec:
    import altair as alt

    names = [curve.name for curve in figure.curves]
    rows = [
        {"population": curve.name, "k": k, "mean": mean, "low": mean - deviation, "high": mean + deviation}
        for curve in figure.curves
        for k, mean, deviation in zip(curve.sizes, curve.means, curve.deviations, strict=True)
    ]
    sizes = sorted({k for curve in figure.curves for k in curve.sizes})
    legend = alt.Legend(orient="top-right") if len(names) > 1 else None
    color = alt.Color("population:N", scale=alt.Scale(domain=names, range=colors(names)), legend=legend)
    base = alt.Chart(alt.NamedData("best")).encode(
        x=alt.X(
            "k:Q",
            title="k: networks trained",
            scale=alt.Scale(type="log", base=2, domain=[sizes[0], sizes[-1]], nice=False, padding=10),
            axis=alt.Axis(values=sizes, format="d"),
        ),
        color=color,
    )
    y = alt.Y("mean:Q", title="lowest error of k, %", scale=alt.Scale(zero=False))
    band = base.mark_area(opacity=1, fillOpacity=0.14).encode(
        y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=2).encode(y=y)
    points = base.mark_point(filled=True, size=55, opacity=1).encode(
        y=y,
        shape=alt.Shape("population:N", scale=alt.Scale(domain=names, range=shapes(names)), legend=legend),
        tooltip=["population:N", "k:Q", alt.Tooltip("mean:Q", format=".2f", title="mean lowest error, %")],
    )
    return finish(alt.layer(band, line, points).properties(width=WIDTH, height=280), {"best": rows})
