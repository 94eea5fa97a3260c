"""A validation's figures as Vega-Lite specifications, made with Altair in the project's theme."""

from __future__ import annotations

from typing import Any

from netwright.evaluation.figures import AccuracyFigure, CalibrationFigure, ConfusionFigure
from netwright.theme import FAINT, GOOD, INK, MUTED, SERIES, WIDTH, Spec, to_spec

__all__ = ["accuracy_chart", "calibration_chart", "confusion_chart"]

_NAMES = 210  # pixels that a class's name may take
_SHORT = 3  # letters that fit across a cell
_MOST_WITH_NUMBERS = 16  # classes of a confusion picture whose cells have room for a number


def accuracy_chart(figure: AccuracyFigure) -> Spec:
    """Bars of the classes; above them, where they are not all, how the accuracies of all are spread."""
    import altair as alt

    bars: list[dict[str, Any]] = [
        {
            "class": bar.label,
            "accuracy": 100 * bar.accuracy,
            "low": 100 * bar.low,
            "high": 100 * bar.high,
            "text": f"{100 * bar.accuracy:.1f}",
            "images": f"{bar.correct:,} of {bar.images:,}",
        }
        for bar in figure.bars
    ]
    spread = [
        {"from": 100 * low, "to": 100 * high, "classes": classes, "accuracy": f"{100 * low:.0f} to {100 * high:.0f}%"}
        for low, high, classes in figure.spread
    ]
    # beside the points at 0, not under them
    axis = alt.Axis(title=None, ticks=False, domain=False, labelLimit=_NAMES, labelPadding=8)
    base = alt.Chart(alt.NamedData("bars")).encode(
        y=alt.Y("class:N", scale=alt.Scale(domain=[bar["class"] for bar in bars]), axis=axis)
    )
    tens = alt.Axis(values=list(range(0, 101, 10)))
    x = alt.X("accuracy:Q", title="accuracy, %", scale=alt.Scale(domain=[0, 100]), axis=tens)
    tooltip = ["class:N", alt.Tooltip("accuracy:Q", format=".2f", title="accuracy, %"), alt.Tooltip("images:N")]
    drawn = base.mark_bar(color=SERIES[0], opacity=1, fillOpacity=0.45, height=13, cornerRadiusEnd=2).encode(
        x=x, tooltip=tooltip
    )
    lines = base.mark_rule(color=SERIES[0], strokeWidth=2).encode(x=alt.X("low:Q", title="accuracy, %"), x2="high:Q")
    points = base.mark_point(color=SERIES[0], filled=True, size=42, opacity=1).encode(x=x, tooltip=tooltip)
    width = WIDTH - _NAMES
    chart = alt.layer(drawn, lines, points).properties(width=width, height=max(60, 20 * len(bars)))
    if not spread:
        return to_spec(chart, {"bars": bars})
    above = (
        alt.Chart(alt.NamedData("spread"))
        .mark_bar(color=SERIES[0], opacity=1, fillOpacity=0.8)
        .encode(
            x=alt.X("from:Q", title="accuracy, %", scale=alt.Scale(domain=[0, 100]), bin="binned", axis=tens),
            x2="to:Q",
            y=alt.Y("classes:Q", title="classes", axis=alt.Axis(tickMinStep=1, format="d")),
            tooltip=["accuracy:N", "classes:Q"],
        )
        .properties(width=width, height=150)
    )
    return to_spec(alt.vconcat(above, chart, spacing=24), {"bars": bars, "spread": spread})


def confusion_chart(figure: ConfusionFigure) -> Spec:
    """Rows are classes, columns what they were taken for; opacity is the share of the row."""
    import altair as alt

    rows = [
        {
            "class": cell.target,
            "taken for": cell.predicted,
            "images": cell.images,
            "share": 100 * cell.share,
            "kind": "right" if cell.is_right else "wrong",
        }
        for cell in figure.cells
    ]
    names = list(figure.labels)
    side = max(280, min(WIDTH - 2 * 130, 44 * len(names)))
    limit = 150 if len(names) > _MOST_WITH_NUMBERS else _NAMES
    base = alt.Chart(alt.NamedData("cells")).encode(
        x=alt.X(
            "taken for:N",
            scale=alt.Scale(domain=names, paddingInner=0.04, paddingOuter=0),
            axis=alt.Axis(
                labelAngle=_angle(names),
                labelOverlap=False,
                labelLimit=limit,
                ticks=False,
                domain=False,
            ),
        ),
        y=alt.Y(
            "class:N",
            scale=alt.Scale(domain=names, paddingInner=0.04, paddingOuter=0),
            axis=alt.Axis(labelLimit=limit, ticks=False, domain=False, labelOverlap=False),
        ),
    )
    kind = alt.Color("kind:N", scale=alt.Scale(domain=["right", "wrong"], range=[SERIES[0], SERIES[1]]), legend=None)
    # weak at the low end so that a single mistake among many is still to be seen
    depth = alt.FillOpacity("share:Q", scale=alt.Scale(domain=[0, 100], range=[0.1, 0.75], clamp=True), legend=None)
    tooltip = [
        "class:N",
        "taken for:N",
        alt.Tooltip("images:Q", format=","),
        alt.Tooltip("share:Q", format=".1f", title="% of the class"),
    ]
    layers = [base.mark_rect(opacity=1).encode(color=kind, fillOpacity=depth, tooltip=tooltip)]
    if len(names) <= _MOST_WITH_NUMBERS:
        layers.append(base.mark_text(color=INK, fontSize=11).encode(text=alt.Text("images:Q", format=",")))
    return to_spec(alt.layer(*layers).properties(width=side, height=side), {"cells": rows})


def _angle(names: list[str]) -> int:
    """Of the column's names, in degrees."""
    if max(map(len, names)) <= _SHORT:
        return 0
    return -45 if len(names) <= _MOST_WITH_NUMBERS else -90


def calibration_chart(figure: CalibrationFigure) -> Spec:
    """The reliability diagram, with the confidences' histogram below it."""
    import altair as alt

    total = sum(each.images for each in figure.bins)
    rows = [
        {
            "from": 100 * each.low,
            "to": 100 * each.high,
            "images": each.images,
            "share": 100 * each.images / total,
            "confidence": None if each.confidence is None else 100 * each.confidence,
            "accuracy": None if each.accuracy is None else 100 * each.accuracy,
        }
        for each in figure.bins
    ]
    told = [row for row in rows if row["accuracy"] is not None]
    ideal = [{"confidence": 0, "accuracy": 0}, {"confidence": 100, "accuracy": 100}]
    whole = alt.Scale(domain=[0, 100])
    x = alt.X("confidence:Q", title="confidence, %", scale=whole)
    y = alt.Y("accuracy:Q", title="accuracy, %", scale=whole)
    tooltip = [
        alt.Tooltip("confidence:Q", format=".1f", title="mean confidence, %"),
        alt.Tooltip("accuracy:Q", format=".1f", title="accuracy, %"),
        alt.Tooltip("images:Q", format=","),
    ]
    line = alt.Chart(alt.NamedData("ideal")).mark_line(color=FAINT, strokeWidth=1.5, strokeDash=[5, 4]).encode(x=x, y=y)
    base = alt.Chart(alt.NamedData("bins")).encode(x=x)
    gaps = base.mark_rule(color=SERIES[1], strokeWidth=3, opacity=1, strokeOpacity=0.55).encode(
        y=y, y2="confidence:Q", tooltip=tooltip
    )
    curve = base.mark_line(color=SERIES[0], strokeWidth=2).encode(y=y)
    size = alt.Size("images:Q", scale=alt.Scale(type="sqrt", domain=[0, total], range=[12, 260]), legend=None)
    points = base.mark_point(color=SERIES[0], filled=True, opacity=1).encode(y=y, size=size, tooltip=tooltip)
    words = [
        {"x": 3, "y": 96, "text": "more often right than it says"},
        {"x": 97, "y": 4, "text": "too sure of itself"},
    ]
    above, below = (
        alt.Chart(alt.NamedData(name))
        .mark_text(color=MUTED, align="left", dx=dx)
        .encode(x="x:Q", y="y:Q", text="text:N")
        for name, dx in (("above", 0), ("below", -110))
    )
    width = WIDTH - 250
    top = alt.layer(line, gaps, curve, points, above, below).properties(width=width, height=340)
    bars = (
        alt.Chart(alt.NamedData("all bins"))
        .mark_bar(color=GOOD, opacity=1, fillOpacity=0.7)
        .encode(
            x=alt.X("from:Q", title="confidence, %", scale=whole, bin="binned"),
            x2="to:Q",
            y=alt.Y("share:Q", title="images, %"),
            tooltip=[alt.Tooltip("images:Q", format=","), alt.Tooltip("share:Q", format=".1f", title="% of all")],
        )
        .properties(width=width, height=110)
    )
    data: dict[str, Any] = {"bins": told, "all bins": rows, "ideal": ideal, "above": words[:1], "below": words[1:]}
    return to_spec(alt.vconcat(top, bars, spacing=20), data)
