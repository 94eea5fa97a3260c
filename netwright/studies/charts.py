"""The differences of a study with their intervals, beside the margins; and the distributions of both spaces of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.stats import edf
from netwright.stats.outcomes import WORST
from netwright.studies.deciding import ComparisonState
from netwright.theme import FAINT, INK, MUTED, SERIES, SMALL, WIDTH, Spec, to_spec

__all__ = ["intervals_chart", "pairs_chart"]

_MARGIN_LEFT = 240  # pixels, for names
_COLUMNS = 3


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


def pairs_chart(states: Sequence[ComparisonState], errors: Mapping[str, npt.NDArray[np.float64]]) -> Spec:
    """A small chart for each comparison, as the paper draws them: the distributions of its two spaces.

    Args:
        states: Of the comparisons.
        errors: Name of a space -> (n,) errors in percent; a network that failed has 100. A comparison is left out where
            one of its spaces is.
    """
    import altair as alt

    shown = [state for state in states if {state.planned.a, state.planned.b} <= errors.keys()]
    drawn = np.concatenate([errors[name] for state in shown for name in (state.planned.a, state.planned.b)])
    inside = drawn[drawn < WORST] if (drawn < WORST).any() else drawn
    room = 0.03 * float(np.ptp(inside)) or 0.5
    ends = (max(0.0, float(inside.min()) - room), float(inside.max()) + room)
    data: dict[str, list[dict[str, object]]] = {}
    panels = []
    for place, state in enumerate(shown):
        names = (state.planned.b, state.planned.a)  # what is compared is drawn above what it is compared with
        data[f"pair{place}"] = [
            {"space": name, "error": error, "share": share, "order": order}
            for name in names
            for order, (error, share) in enumerate(_steps(errors[name], ends))
        ]
        colors = alt.Scale(domain=list(names), range=[INK, SERIES[0]])
        dashes = alt.Scale(domain=list(names), range=[[4, 3], [1, 0]])
        title = alt.TitleParams(state.planned.name, subtitle=state.words(), anchor="start")
        line = (
            alt.Chart(alt.NamedData(f"pair{place}"), title=title)
            .mark_line(strokeWidth=2, strokeJoin="miter", clip=True)
            .encode(
                x=alt.X("error:Q", title="error, %", scale=alt.Scale(domain=list(ends), nice=False, zero=False)),
                y=alt.Y(
                    "share:Q",
                    title="share with a lower error" if place % _COLUMNS == 0 else None,
                    scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(format="%", tickCount=5),
                ),
                color=alt.Color("space:N", scale=colors, legend=_pair_legend()),
                strokeDash=alt.StrokeDash("space:N", scale=dashes, legend=_pair_legend()),
                order="order:Q",
                tooltip=["space:N", alt.Tooltip("error:Q", format=".2f"), alt.Tooltip("share:Q", format=".0%")],
            )
            .properties(width=SMALL, height=150)
        )
        panels.append(line)
    grid = alt.concat(*panels, columns=_COLUMNS, spacing=18)
    return to_spec(grid.resolve_scale(color="independent", strokeDash="independent"), data)


def _steps(errors: npt.NDArray[np.float64], ends: tuple[float, float]) -> list[tuple[float, float]]:
    """The corners of a distribution between two errors, from one end to the other."""
    corners, shares = edf(errors).steps()
    inside = corners < ends[1]
    corners, shares = corners[inside], shares[inside]
    last = float(shares[-1]) if len(shares) else 0.0
    return [(ends[0], 0.0), *zip(corners.tolist(), shares.tolist(), strict=True), (ends[1], last)]


def _pair_legend() -> Any:
    import altair as alt

    return alt.Legend(orient="bottom-right", title=None, symbolType="stroke", symbolSize=300, fillColor=None)
