"""Failed trials by reason."""

from __future__ import annotations

from netwright.report.charts.theme import SERIES, WIDTH, Spec, finish
from netwright.report.figures.failures import FailuresFigure

__all__ = ["failures_chart"]


def failures_chart(figure: FailuresFigure) -> Spec:
    import altair as alt

    rows = [{"reason": reason, "trials": trials} for reason, trials in figure.reasons]
    axis = alt.Axis(labelLimit=420, title=None, ticks=False, domain=False)
    base = alt.Chart(alt.NamedData("reasons")).encode(
        y=alt.Y("reason:N", scale=alt.Scale(domain=[reason for reason, _ in figure.reasons]), axis=axis),
        x=alt.X("trials:Q", title="trials", axis=alt.Axis(tickMinStep=1, format="d")),
    )
    bars = base.mark_bar(color=SERIES[1], cornerRadiusEnd=2, height=16)
    counts = base.mark_text(align="left", dx=5).encode(text="trials:Q")
    return finish(alt.layer(bars, counts).properties(width=WIDTH - 440, height=30 * len(rows)), {"reasons": rows})
