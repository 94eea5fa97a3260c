"""Learning curves: all faint, the best bold."""

from __future__ import annotations

from netwright.report.charts.theme import WIDTH, Spec, colors, finish
from netwright.report.figures.curves import CurvesFigure

__all__ = ["curves_chart"]


def curves_chart(figure: CurvesFigure) -> Spec:
    import altair as alt

    names = list(figure.populations)
    rows: dict[str, list[dict[str, object]]] = {"faint": [], "bold": []}
    for curve in figure.curves:
        rows["bold" if curve.is_best else "faint"] += [
            {"id": f"{curve.population} {curve.trial}", "population": curve.population, "epoch": epoch, "error": error}
            for epoch, error in zip(curve.epochs, curve.errors, strict=True)
        ]
    x = alt.X(
        "epoch:Q", title="epoch", scale=alt.Scale(nice=False, zero=False), axis=alt.Axis(tickMinStep=1, format="d")
    )
    y = alt.Y("error:Q", title="error, %", scale=alt.Scale(zero=False))
    color = alt.Color(
        "population:N",
        scale=alt.Scale(domain=names, range=colors(names)),
        legend=alt.Legend(orient="top-right") if len(names) > 1 else None,
    )
    tooltip = [alt.Tooltip("id:N", title="trial"), "epoch:Q", alt.Tooltip("error:Q", format=".2f", title="error, %")]
    faint = alt.Chart(alt.NamedData("faint")).mark_line(opacity=1, strokeOpacity=0.22, strokeWidth=1)
    bold = alt.Chart(alt.NamedData("bold")).mark_line(strokeWidth=3, point={"size": 45, "filled": True})
    layers = [mark.encode(x=x, y=y, color=color, detail="id:N", tooltip=tooltip) for mark in (faint, bold)]
    return finish(alt.layer(*layers).properties(width=WIDTH, height=320), rows)
