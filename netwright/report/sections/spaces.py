"""What the space allowed before and after it was refined, and how sampling went."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import is_wide, values_of
from netwright.report.text import amount, listing, number, ratio, span
from netwright.report.view import PopulationView
from netwright.theme import BEFORE, MUTED, SERIES, WIDTH, Spec, to_spec

__all__ = ["Interval", "SpacesFigure", "spaces_chart", "spaces_figure"]


@dataclass(frozen=True)
class Interval:
    """The old and the new interval of a parameter.

    Attributes:
        start, stop: Ends of the new interval on an axis where the old one is 0 to 1.
    """

    parameter: str
    old: tuple[float, float]
    new: tuple[float, float]
    start: float
    stop: float

    @property
    def is_changed(self) -> bool:
        return self.old != self.new


@dataclass(frozen=True)
class SpacesFigure:
    """Two spaces side by side, or one.

    Attributes:
        intervals: One for each parameter; empty for a single space.
        sizes: (population, number of parameter combinations).
        rejections: (population, ((constraint, number of draws), ...)).
    """

    before: str
    after: str
    intervals: tuple[Interval, ...]
    sizes: tuple[tuple[str, float], ...]
    rejections: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    sentences: tuple[str, ...]


def spaces_figure(data: ReportData) -> SpacesFigure | Missing:
    """The intervals of the first and the last population's space, and the counts of sampling."""
    views = data.populations
    first, last = views[0], views[-1]
    intervals = _intervals(first, last) if len(views) > 1 else ()
    rejections = tuple((view.name, tuple(view.rejections.items())) for view in views if view.rejections)
    sizes = tuple((view.name, float(view.size)) for view in views if 0 < view.size < inf)
    if not intervals and not rejections and not sizes:
        return Missing("the populations name no space")
    return SpacesFigure(first.name, last.name, intervals, sizes, rejections, _sentences(first, last, intervals))


def _intervals(first: PopulationView, last: PopulationView) -> tuple[Interval, ...]:
    return tuple(
        _interval(parameter, first.bounds[parameter], last.bounds[parameter])
        for parameter in first.parameters
        if parameter in first.bounds and parameter in last.bounds
    )


def _interval(parameter: str, old: tuple[float, float], new: tuple[float, float]) -> Interval:
    low, high = min(old[0], new[0]), max(old[1], new[1])
    ends = np.array([low, high, *new], np.float64)
    low_, high_, start, stop = np.log(ends) if is_wide(low, high) else ends
    width = high_ - low_ or 1.0
    kept = (float((start - low_) / width), float((stop - low_) / width)) if high > low else (0.0, 1.0)
    return Interval(parameter, (float(old[0]), float(old[1])), (float(new[0]), float(new[1])), *kept)


def _sentences(first: PopulationView, last: PopulationView, intervals: tuple[Interval, ...]) -> tuple[str, ...]:
    if first is last:
        return (f"{_allows(first)}.",) if 0 < first.size < inf else ()
    sentences = []
    changed = [interval for interval in intervals if interval.is_changed]
    if changed:
        limits = listing([f"{each.parameter} ({span(each.new)}{_undrawn(first, each)})" for each in changed])
        sentences.append(f"What {first.name} allows is gray, what {last.name} allows is colored: it changes {limits}.")
    new = [name for name in last.parameters if name not in first.parameters]
    old = [name for name in first.parameters if name not in last.parameters]
    if new and old:
        sentences.append(f"{last.name} has {listing(new)} in place of {listing(old)}.")
    if not sentences:
        sentences.append(f"{first.name} and {last.name} allow the same values of each parameter.")
    if 0 < first.size < inf and 0 < last.size < inf:
        share = first.size / last.size
        turn = f"{ratio(share)} times fewer" if share > 1 else f"{ratio(1 / share)} times more"
        turn = "the same number" if share == 1 else turn
        sentences.append(f"{_allows(first)}, {last.name} {amount(last.size)}: {turn}.")
    return tuple(sentences)


def _undrawn(first: PopulationView, interval: Interval) -> str:
    """Where only values are gone that were never drawn: that is the budget's doing, and no finding."""
    if interval.parameter not in first.counted or first.counted.empty:
        return ""
    values = values_of(first.counted, interval.parameter)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    within = interval.new[0] <= low and high <= interval.new[1]
    return (
        ", all that was drawn"
        if within and interval.new[0] >= interval.old[0] and interval.new[1] <= interval.old[1]
        else ""
    )


def _allows(view: PopulationView) -> str:
    return f"{view.name} allows {amount(view.size)} combinations of parameters"


# -- drawing -----------------------------------------------------------------------------------------------------------


def spaces_chart(figure: SpacesFigure) -> Spec | None:
    """A row for each parameter, the old interval gray and the new one colored; None where nothing changed."""
    if not any(interval.is_changed for interval in figure.intervals):
        return None
    import altair as alt

    rows = [
        {
            "parameter": interval.parameter,
            "from": 0.0,
            "to": 1.0,
            "start": interval.start,
            # a single value stays visible
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
    return to_spec(chart, {"intervals": rows})
