"""Each parameter against the error, with the range that the bootstrap calls good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from netwright.report.figures.missing import Missing
from netwright.report.story import PopulationView, RangeLike, Story
from netwright.report.words import count, listing, span

__all__ = ["MOST_POINTS", "ParameterPanel", "ParametersFigure", "is_wide", "parameters_figure", "thin", "values_of"]

MOST_POINTS = 1000  # a picture of more is slow to draw and no clearer
_MOST_MARKS = 9000  # over all small pictures
_WIDE = 15.0  # above this ratio of largest to least value an axis is logarithmic

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ParameterPanel:
    """One small picture. x, error, trial: a point a network; low, best, high: the good range, or None."""

    parameter: str
    x: tuple[float, ...]
    error: tuple[float, ...]
    trial: tuple[int, ...]
    domain: tuple[float, float]
    is_log: bool
    low: float | None = None
    best: float | None = None
    high: float | None = None

    @property
    def narrowed(self) -> float | None:
        """The good range's share of what was drawn, 0 to 1: a budget alone keeps much of a domain out."""
        if self.low is None or self.high is None:
            return None
        ends = np.array([min(self.x), max(self.x), self.low, self.high])
        start, stop, low, high = np.log(ends) if self.is_log else ends
        return float((high - low) / (stop - start)) if stop > start else 1.0


@dataclass(frozen=True)
class ParametersFigure:
    name: str
    panels: tuple[ParameterPanel, ...]
    sentences: tuple[str, ...]


def is_wide(low: float, high: float) -> bool:
    """Whether an axis from low to high is better logarithmic."""
    return low > 0 and high / low > _WIDE


def values_of(frame: pd.DataFrame, column: str) -> Floats:
    """A column as numbers; True is 1, and what is no number is NaN."""
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def thin(n: int, most: int) -> npt.NDArray[np.intp]:
    """Which of n rows, best first, to draw: all, or an even choice that keeps the best and the worst."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.intp))


def parameters_figure(story: Story) -> ParametersFigure | Missing:
    view = story.populations[0]
    if view.done.empty:
        return Missing(f"no trial of {view.name} has an error")
    panels = tuple(
        panel
        for parameter in view.parameters
        if parameter in view.done and (panel := _panel(view, parameter, story.good_ranges.get(parameter))) is not None
    )
    if not panels:
        return Missing(f"the table of {view.name} has no parameter columns")
    return ParametersFigure(view.name, panels, _sentences(view, panels))


def _panel(view: PopulationView, parameter: str, good: RangeLike | None) -> ParameterPanel | None:
    values = values_of(view.done, parameter)
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return None
    kept = known[thin(len(known), min(MOST_POINTS, _MOST_MARKS // len(view.parameters)))]
    seen = (float(values[known].min()), float(values[known].max()))
    domain = view.domains.get(parameter, seen)
    domain = (min(domain[0], seen[0]), max(domain[1], seen[1]))
    return ParameterPanel(
        parameter=parameter,
        x=tuple(values[kept].tolist()),
        error=tuple(view.done["error"].to_numpy(np.float64)[kept].tolist()),
        trial=tuple(int(trial) for trial in view.done["trial"].to_numpy()[kept]),
        domain=(float(domain[0]), float(domain[1])),
        is_log=is_wide(*domain),
        low=None if good is None else float(good.low),
        best=None if good is None else float(good.best),
        high=None if good is None else float(good.high),
    )


def _sentences(view: PopulationView, panels: Sequence[ParameterPanel]) -> tuple[str, ...]:
    shows = (
        f"Each point is one of the {count(len(view.done), 'trained network')} of {view.name}: further down is better. "
        "The band is the range where the best of many random quarters of the population fell (95 in 100 times), "
        "the line its median: the narrower the band, the more the parameter matters."
    )
    drawn = len(panels[0].x)
    if drawn < len(view.done):
        shows += f" {drawn:,} of them are drawn, evenly chosen from best to worst."
    ranked = sorted((p for p in panels if p.narrowed is not None), key=lambda p: p.narrowed or 0.0)
    telling = [p for p in ranked if (p.narrowed or 0.0) <= 0.5]
    if not ranked:
        return (shows,)
    if not telling:
        return (shows, "No parameter's good range is narrower than half of what was drawn: none stands out.")
    ranges = [f"{p.parameter} ({span((p.low or 0.0, p.high or 0.0))})" for p in telling[:4]]
    return (shows, f"The narrowest, against what was drawn: {listing(ranges)}.")
