"""The differences of a study with their intervals, beside the margins."""

from __future__ import annotations

from collections.abc import Sequence

from netwright.studies.deciding import ComparisonState
from netwright.theme import FAINT, MUTED, SERIES, WIDTH, Spec, to_spec

__all__ = ["intervals_chart"]

_MARGIN_LEFT = 240  # pixels, for names


def intervals_chart(states: Sequence[ComparisonState]) -> Spec:
    """A row for each comparison that was looked at: its difference, its interval, and the margin as a band."""
    import altair as alt

    rows = [
        {
            "comparison": state.planned.name,
            "difference": state.difference,
            "low": state.interval[0],
            "high": state.interval[1],
            "margin": state.planned.margin,
            "other margin": -state.planned.margin,
            "decision": state.words(),
            "networks": state.n,
            "is decided": "decided" if state.decision != "undecided" else "undecided",
        }
        for state in states
        if state.n
    ]
    names = [str(row["comparison"]) for row in rows]
    ends = [(*state.interval, state.planned.margin) for state in states if state.n]
    reach = 1.1 * max(abs(each) for three in ends for each in three)
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    title = "difference of the mean errors, points"
    base = alt.Chart(alt.NamedData("rows")).encode(
        y=alt.Y("comparison:N", scale=alt.Scale(domain=names), title=None, axis=alt.Axis(labelLimit=_MARGIN_LEFT))
    )
    tooltip = [
        "comparison:N",
        alt.Tooltip("difference:Q", format="+.2f"),
        alt.Tooltip("low:Q", format="+.2f"),
        alt.Tooltip("high:Q", format="+.2f"),
        "networks:Q",
        "decision:N",
    ]
    color = alt.Color(
        "is decided:N", scale=alt.Scale(domain=["decided", "undecided"], range=[SERIES[0], MUTED]), legend=None
    )
    none = (
        alt.Chart(alt.NamedData("none"))
        .mark_rule(color=MUTED, strokeDash=[5, 4])
        .encode(x=alt.X("x:Q", scale=scale, title=title))
    )
    band = base.mark_bar(color=FAINT, opacity=1, fillOpacity=0.25, size=22).encode(
        x=alt.X("other margin:Q", scale=scale, title=title), x2="margin:Q"
    )
    line = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", scale=scale, title=title), x2="high:Q", color=color, tooltip=tooltip
    )
    point = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=alt.X("difference:Q", scale=scale, title=title), color=color, tooltip=tooltip
    )
    chart = alt.layer(band, none, line, point).properties(width=WIDTH - _MARGIN_LEFT, height=max(60, 34 * len(rows)))
    return to_spec(chart, {"rows": rows, "none": [{"x": 0}]})
