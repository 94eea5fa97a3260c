"""What the space allowed before and after it was refined, and how sampling it went."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from netwright.report.figures.missing import Missing
from netwright.report.figures.parameters import is_wide
from netwright.report.story import PopulationView, Story
from netwright.report.words import amount, listing, ratio, span

__all__ = ["Interval", "SpacesFigure", "spaces_figure"]


@dataclass(frozen=True)
class Interval:
    """A parameter's old and new interval; start, stop: the new one's ends on an axis where the old one is 0 to 1."""

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
    """intervals is empty unless there are two spaces; accounts: (population, (line, count)...)."""

    before: str
    after: str
    intervals: tuple[Interval, ...]
    sizes: tuple[tuple[str, float], ...]
    accounts: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    sentences: tuple[str, ...]


def spaces_figure(story: Story) -> SpacesFigure | Missing:
    views = story.populations
    first, last = views[0], views[-1]
    intervals = _intervals(first, last) if len(views) > 1 else ()
    accounts = tuple((view.name, tuple(view.account.items())) for view in views if view.account)
    sizes = tuple((view.name, float(view.size)) for view in views if 0 < view.size < inf)
    if not intervals and not accounts and not sizes:
        return Missing("the populations name no space")
    return SpacesFigure(first.name, last.name, intervals, sizes, accounts, _sentences(first, last, intervals))


def _intervals(first: PopulationView, last: PopulationView) -> tuple[Interval, ...]:
    return tuple(
        _interval(parameter, first.domains[parameter], last.domains[parameter])
        for parameter in first.parameters
        if parameter in first.domains and parameter in last.domains
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
    says = []
    changed = [interval for interval in intervals if interval.is_changed]
    if changed:
        limits = listing([f"{interval.parameter} ({span(interval.new)})" for interval in changed])
        says.append(f"What {first.name} allows is gray, what {last.name} allows colored: it changes {limits}.")
    new = [name for name in last.parameters if name not in first.parameters]
    old = [name for name in first.parameters if name not in last.parameters]
    if new and old:
        says.append(f"{last.name} has {listing(new)} in place of {listing(old)}.")
    if not says:
        says.append(f"{first.name} and {last.name} allow the same of each parameter.")
    if 0 < first.size < inf and 0 < last.size < inf:
        share = first.size / last.size
        turn = f"{ratio(share)} times fewer" if share > 1 else f"{ratio(1 / share)} times more"
        turn = "the same number" if share == 1 else turn
        says.append(f"{_allows(first)}, {last.name} {amount(last.size)}: {turn}.")
    return tuple(says)


def _allows(view: PopulationView) -> str:
    return f"{view.name} allows {amount(view.size)} combinations of parameters"
