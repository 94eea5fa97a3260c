"""An export's before and after as Vega-Lite specifications, made with Altair in the project's theme."""

from __future__ import annotations

from typing import Any

from netwright.exports.exported import Accuracy, Exported
from netwright.theme import BEFORE, INK, MUTED, SERIES, WIDTH, Spec, to_spec

__all__ = ["SOURCE", "accuracy_chart", "charts_of", "size_chart", "speed_chart"]

SOURCE = "torch fp32"  # what an export is compared with
_NAMES = 150  # pixels for the names of rows
_VALUES = 90  # pixels for the numbers behind bars


def charts_of(exported: Exported) -> dict[str, Spec]:
    """By name, those that there is something to show in."""
    charts = {"size": size_chart(exported)}
    if exported.accuracy is not None:
        charts["accuracy"] = accuracy_chart(exported.accuracy)
    if exported.speed:
        charts["speed"] = speed_chart(exported)
    return charts


def size_chart(exported: Exported) -> Spec:
    """A bar for the weights in fp32, and one for the files."""
    sizes = ((SOURCE, exported.source_size), (_name(exported), exported.size))
    rows = [{"which": which, "MB": size / 1e6, "text": f"{size / 1e6:,.2f} MB"} for which, size in sizes]
    return to_spec(_bars(rows, "MB", "megabytes", "which", _name(exported)), {"rows": rows})


def speed_chart(exported: Exported) -> Spec:
    """Bars of medians, a group for each batch; points are the turns."""
    import altair as alt

    rows: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    for each in exported.speed:
        batch = f"batch {each.batch}"
        both = ((SOURCE, each.source, each.source_turns), (_name(exported), each.exported, each.exported_turns))
        for which, rate, own in both:
            factor = "" if which == SOURCE else f"  ({rate / each.source:.2f}×)"
            rows.append({"batch": batch, "which": which, "rate": rate, "text": f"{rate:,.0f}{factor}", "end": max(own)})
            turns += [{"batch": batch, "which": which, "rate": turn} for turn in own]
    domain = [SOURCE, _name(exported)]
    offset = alt.YOffset("which:N", scale=alt.Scale(domain=domain))
    order = [f"batch {each.batch}" for each in exported.speed]
    axis = alt.Axis(title=None, ticks=False, domain=False, labelLimit=_NAMES)
    y = alt.Y("batch:N", sort=order, axis=axis, scale=alt.Scale(paddingInner=0.3))
    base = alt.Chart(alt.NamedData("rows")).encode(y=y, yOffset=offset)
    x = alt.X("rate:Q", title="images a second", scale=alt.Scale(zero=True))
    color = alt.Color(
        "which:N",
        scale=alt.Scale(domain=domain, range=[BEFORE, SERIES[0]]),
        legend=alt.Legend(orient="top", direction="horizontal"),
    )
    bars = base.mark_bar(opacity=1, cornerRadiusEnd=2, fillOpacity=0.55).encode(
        x=x, color=color, tooltip=["which:N", "batch:N", alt.Tooltip("rate:Q", format=",.1f", title="images/s")]
    )
    text = base.mark_text(align="left", dx=6, color=INK).encode(x="end:Q", text="text:N")
    points = (
        alt.Chart(alt.NamedData("turns"))
        .mark_point(filled=True, size=14, opacity=1, color=INK)
        .encode(x=x, y=y, yOffset=offset)
    )
    chart = alt.layer(bars, points, text).properties(width=WIDTH - _NAMES - _VALUES, height=70 * len(order))
    return to_spec(chart, {"rows": rows, "turns": turns})


def accuracy_chart(accuracy: Accuracy) -> Spec:
    """The difference of top-1 with its interval, beside none."""
    import altair as alt

    low, high = accuracy.pairs.interval()
    difference = 100 * accuracy.pairs.difference
    row = {"points": difference, "low": 100 * low, "high": 100 * high, "text": f"{difference:+.2f}".replace("-", "−")}
    reach = max(1.0, 130 * max(abs(low), abs(high)))
    title = ["top-1 of the export minus the network's,", "percentage points"]  # two lines: it fits a phone
    x = alt.X("points:Q", title=title, scale=alt.Scale(domain=[-reach, reach]))
    base = alt.Chart(alt.NamedData("rows"))
    none = alt.Chart(alt.NamedData("none")).mark_rule(color=MUTED, strokeDash=[5, 4]).encode(x="points:Q")
    tooltip = [alt.Tooltip(f"{key}:Q", format="+.2f") for key in ("points", "low", "high")]
    line = base.mark_rule(color=SERIES[0], strokeWidth=3).encode(x=alt.X("low:Q"), x2="high:Q", tooltip=tooltip)
    point = base.mark_point(color=SERIES[0], filled=True, size=110, opacity=1).encode(x=x, tooltip=tooltip)
    # beside the line of no difference, not across it
    beside: Any = {"align": "left", "dx": 9} if difference > 0 else {"align": "right", "dx": -9}
    text = base.mark_text(color=INK, dy=-16, fontSize=12, **beside).encode(x=x, text="text:N")
    sides = [{"points": -reach, "text": "network better"}, {"points": reach, "text": "export better"}]
    left = alt.Chart(alt.NamedData("left")).mark_text(color=MUTED, align="left", dy=30).encode(x=x, text="text:N")
    right = alt.Chart(alt.NamedData("right")).mark_text(color=MUTED, align="right", dy=30).encode(x=x, text="text:N")
    chart = alt.layer(none, line, point, text, left, right).properties(width=WIDTH - _NAMES, height=90)
    return to_spec(chart, {"rows": [row], "none": [{"points": 0}], "left": sides[:1], "right": sides[1:]})


def _name(exported: Exported) -> str:
    return f"{_LIBRARIES[exported.path.suffix]} {exported.info.precision}"


_LIBRARIES = {".onnx": "ONNX Runtime", ".xml": "OpenVINO", ".pt2": "torch.export", ".tflite": "LiteRT"}


def _bars(rows: list[dict[str, Any]], key: str, title: str, name: str, after: str) -> Any:
    import altair as alt

    names = [row[name] for row in rows]
    axis = alt.Axis(title=None, ticks=False, domain=False, labelLimit=_NAMES)
    base = alt.Chart(alt.NamedData("rows")).encode(
        y=alt.Y(f"{name}:N", sort=names, axis=axis), x=alt.X(f"{key}:Q", title=title, axis=alt.Axis(tickCount=6))
    )
    colors = alt.Scale(domain=[SOURCE, after], range=[BEFORE, SERIES[0]])
    bars = base.mark_bar(opacity=1, cornerRadiusEnd=2, height=22, fillOpacity=0.55).encode(
        color=alt.Color(f"{name}:N", scale=colors, legend=None),
        tooltip=[f"{name}:N", alt.Tooltip(f"{key}:Q", format=",.2f")],
    )
    text = base.mark_text(align="left", dx=6, color=INK).encode(text="text:N")
    return alt.layer(bars, text).properties(width=WIDTH - _NAMES - _VALUES, height=34 * len(rows))
