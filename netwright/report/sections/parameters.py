"""Each parameter against the error, with its good range by the bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netwright.report.data import PopulationView, RangeLike, ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import MOST_POINTS, is_wide, thin, values_of, x_scale
from netwright.report.text import count, listing, meaning, number, span
from netwright.theme import GOOD, SERIES, SMALL, Spec, to_spec

__all__ = ["ParameterPanel", "ParametersFigure", "parameters_chart", "parameters_figure"]

_MOST_MARKS = 9000  # in all small charts together


@dataclass(frozen=True)
class ParameterPanel:
    """One small chart.

    Attributes:
        x, error, trial: One entry for each point; x is the parameter, the error is in percent.
        domain: The smallest and the largest value of the axis.
        low, best, high: The good range and its median, or None.
    """

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
        """The good range as a share of the sampled range, 0 to 1: a budget alone excludes much of what is allowed."""
        if self.low is None or self.high is None:
            return None
        ends = np.array([min(self.x), max(self.x), self.low, self.high])
        start, stop, low, high = np.log(ends) if self.is_log else ends
        return float((high - low) / (stop - start)) if stop > start else 1.0


@dataclass(frozen=True)
class ParametersFigure:
    """One panel for each parameter of the population `name`."""

    name: str
    panels: tuple[ParameterPanel, ...]
    sentences: tuple[str, ...]


def parameters_figure(data: ReportData) -> ParametersFigure | Missing:
    """The parameters of the first population."""
    view = data.populations[0]
    if view.done.empty:
        return Missing(f"no trial of {view.name} has an error")
    panels = tuple(
        panel
        for parameter in view.parameters
        if parameter in view.done and (panel := _panel(view, parameter, data.good_ranges.get(parameter))) is not None
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
    domain = view.bounds.get(parameter, seen)
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
    explanation = (
        f"Each point is one of the {count(len(view.done), 'trained network')} of {view.name}: lower is better. "
        "The band contains the best network of 95 in 100 random quarters of the population, the line is the median: "
        "the narrower the band, the more the parameter matters."
    )
    drawn = len(panels[0].x)
    if drawn < len(view.done):
        explanation += f" {drawn:,} of them are drawn, selected evenly from best to worst."
    ranked = sorted((p for p in panels if p.narrowed is not None), key=lambda p: p.narrowed or 0.0)
    telling = [p for p in ranked if (p.narrowed or 0.0) <= 0.5]
    if not ranked:
        return (explanation,)
    if not telling:
        return (explanation, "No good range is narrower than half of the sampled range: no parameter stands out.")
    ranges = [f"{p.parameter} ({span((p.low or 0.0, p.high or 0.0))})" for p in telling[:4]]
    return (explanation, f"The narrowest, compared with the sampled range: {listing(ranges)}.")


# -- drawing -----------------------------------------------------------------------------------------------------------

_COLUMNS = 3


def parameters_chart(figure: ParametersFigure) -> Spec:
    """A small chart for each parameter."""
    import altair as alt

    data: dict[str, list[dict[str, float | None]]] = {}
    panels = []
    errors = [error for panel in figure.panels for error in panel.error]
    for index, panel in enumerate(figure.panels):
        name = f"points{index}"
        data[name] = [
            {"x": x, "error": error, "trial": trial}
            for x, error, trial in zip(panel.x, panel.error, panel.trial, strict=True)
        ]
        data[f"good {name}"] = [{"low": panel.low, "best": panel.best, "high": panel.high}]
        panels.append(_draw_panel(panel, name, (min(errors), max(errors)), is_first=index % _COLUMNS == 0))
    return to_spec(alt.concat(*panels, columns=_COLUMNS, spacing=18), data)


def _draw_panel(panel: ParameterPanel, name: str, errors: tuple[float, float], is_first: bool) -> Any:
    import altair as alt

    x = alt.X(
        "x:Q",
        title=meaning(panel.parameter) or None,
        scale=x_scale(panel.domain, panel.is_log),
        axis=alt.Axis(tickCount=5),
    )
    y = alt.Y(
        "error:Q", title="error, %" if is_first else None, scale=alt.Scale(domain=list(errors), zero=False, nice=True)
    )
    points = (
        alt.Chart(alt.NamedData(name))
        .mark_circle(size=26, opacity=1, fillOpacity=0.55, color=SERIES[0], clip=True)
        .encode(
            x=x,
            y=y,
            tooltip=[
                "trial:Q",
                alt.Tooltip("x:Q", title=panel.parameter),
                alt.Tooltip("error:Q", format=".2f", title="error, %"),
            ],
        )
    )
    layers: list[Any] = []
    title: Any = panel.parameter
    if panel.low is not None and panel.high is not None and panel.best is not None:
        good = alt.Chart(alt.NamedData(f"good {name}"))
        # a good range of a single value would be an invisible band, so its edge is drawn too
        layers.append(
            good.mark_rect(color=GOOD, opacity=1, fillOpacity=0.18, stroke=GOOD, strokeWidth=1).encode(
                x=alt.X("low:Q"), x2="high:Q"
            )
        )
        layers.append(good.mark_rule(color=GOOD, strokeWidth=2).encode(x="best:Q"))
        span = f"good {number(panel.low)} to {number(panel.high)}, best {number(panel.best)}"
        title = alt.TitleParams(panel.parameter, subtitle=span)
    return alt.layer(*layers, points).properties(width=SMALL, height=150, title=title)
