"""A parameter a line: the old interval gray, the new one colored on it."""

from __future__ import annotations

from netwright.report.charts.theme import BEFORE, MUTED, SERIES, WIDTH, Spec, finish
from netwright.report.figures.spaces import SpacesFigure
from netwright.report.words import number, span

__all__ = ["spaces_chart"]


def spaces_chart(figure: SpacesFigure) -> Spec:
    import altair as alt

    rows = [
        {
            "parameter": interval.parameter,
            "from": 0.0,
            "to": 1.0,
            "start": interval.start,
            # a single value is still to be seen
            "stop": max(interval.stop, interval.start + 0.006),
            "old low": number(interval.old[0]),
            "old high": number(interval.old[1]),
            "new": span(interval.new) if interval.is_changed else "unchanged",
            "middle": (interval.start + interval.stop) / 2,
        }
        for interval in figure.intervals
    ]
    names = [interval.parameter for interval in figure.intervals]
    base = alt.Chart(alt.NamedData("intervals")).encode(
        y=alt.Y(
            "parameter:N",
            scale=alt.Scale(domain=names),
            axis=alt.Axis(title=None, ticks=False, domain=False, labelFontSize=12),
        )
    )
    x = alt.X("from:Q", scale=alt.Scale(domain=[-0.1, 1.1]), axis=None)
    old = base.mark_bar(color=BEFORE, opacity=1, fillOpacity=0.45, height=8, cornerRadius=4).encode(x=x, x2="to:Q")
    new = base.mark_bar(color=SERIES[1], height=14, cornerRadius=3).encode(
        x="start:Q", x2="stop:Q", tooltip=["parameter:N", "new:N"]
    )
    ends = [
        base.mark_text(align="right", dx=-8, color=MUTED).encode(x="from:Q", text="old low:N"),
        base.mark_text(align="left", dx=8, color=MUTED).encode(x="to:Q", text="old high:N"),
        base.mark_text(dy=-15).encode(x="middle:Q", text="new:N"),
    ]
    chart = alt.layer(old, new, *ends).properties(width=WIDTH - 100, height=42 * len(rows))
    return finish(chart, {"intervals": rows})
