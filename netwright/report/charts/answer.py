"""The test errors of the pick and its baseline, a dot a seed."""

from __future__ import annotations

from netwright.report.charts.theme import INK, SERIES, WIDTH, Spec, finish
from netwright.report.figures.answer import AnswerFigure

__all__ = ["answer_chart"]


def answer_chart(figure: AnswerFigure) -> Spec:
    import altair as alt

    names = [row.name for row in figure.rows]
    labels = [f"{row.role}: {row.name}" for row in figure.rows]
    dots = [
        {"label": label, "error": error, "seed": seed}
        for label, row in zip(labels, figure.rows, strict=True)
        for seed, error in zip(row.seeds, row.errors, strict=True)
    ]
    means = [
        {
            "label": label,
            "mean": row.mean,
            "low": row.mean - (row.deviation or 0),
            "high": row.mean + (row.deviation or 0),
        }
        for label, row in zip(labels, figure.rows, strict=True)
    ]
    y = alt.Y(
        "label:N",
        scale=alt.Scale(domain=labels),
        title=None,
        axis=alt.Axis(labelLimit=260, labelFontSize=13, ticks=False, domain=False),
    )
    x = alt.Scale(zero=False, nice=True)
    color = alt.Color(
        "label:N", scale=alt.Scale(domain=labels, range=[_color(i) for i in range(len(names))]), legend=None
    )
    base = alt.Chart(alt.NamedData("means"))
    spread = base.mark_rule(strokeWidth=2, color=INK, strokeOpacity=0.6).encode(
        y=y, x=alt.X("low:Q", scale=x), x2="high:Q"
    )
    mean = base.mark_tick(thickness=3, size=26, color=INK).encode(
        y=y,
        x="mean:Q",
        tooltip=[alt.Tooltip("label:N", title="network"), alt.Tooltip("mean:Q", format=".2f", title="mean, %")],
    )
    dot = (
        alt.Chart(alt.NamedData("seeds"))
        .mark_circle(size=130, opacity=1, fillOpacity=0.8)
        .encode(
            y=y,
            x=alt.X(
                "error:Q", title="test error, %: a dot a seed, the bar their mean, the line one standard deviation"
            ),
            color=color,
            tooltip=["label:N", "seed:Q", alt.Tooltip("error:Q", format=".2f", title="test error, %")],
        )
    )
    chart = alt.layer(spread, mean, dot).properties(width=WIDTH - 180, height=52 * len(names))
    return finish(chart, {"means": means, "seeds": dots})


def _color(index: int) -> str:
    return SERIES[(index + 1) % 2]  # the pick in the refined population's color
