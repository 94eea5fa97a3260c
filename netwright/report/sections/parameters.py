"""Each parameter against the error, with its good range by the bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netwright.report.comparison import LEVEL
from netwright.report.data import RangeLike, ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import (
    MOST_POINTS,
    error_scale,
    failure_marks,
    is_wide,
    thin,
    value_axis,
    values_of,
    x_scale,
)
from netwright.report.text import count, listing, meaning, number, p_value, span
from netwright.report.view import PopulationView
from netwright.theme import GOOD, SERIES, SMALL, Spec, to_spec

__all__ = ["ParameterPanel", "ParametersFigure", "parameters_chart", "parameters_figure"]

_MOST_MARKS = 4000  # in all small charts together
_MOST_NAMED = 6  # parameters in a sentence


@dataclass(frozen=True)
class ParameterPanel:
    """One small chart.

    Attributes:
        x, error, trial: One entry for each point; x is the parameter, the error is in percent.
        failed: (x, trial) of networks that failed, which have no error.
        words: What x = 0, 1, 2, ... stand for, of a parameter whose values are words.
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
    failed: tuple[tuple[float, int], ...] = ()
    words: tuple[str, ...] = ()


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
    return ParametersFigure(view.name, panels, _sentences(view, data, panels))


def _panel(view: PopulationView, parameter: str, good: RangeLike | None) -> ParameterPanel | None:
    values = values_of(view.counted, parameter)
    seen = values[np.isfinite(values)]
    if not len(seen):
        return None
    most, n_done = min(MOST_POINTS, _MOST_MARKS // len(view.parameters)), len(view.done)
    trials, errors = view.counted["trial"].to_numpy(), view.errors
    known = np.flatnonzero(np.isfinite(values))
    kept = known[thin(len(known), most)]  # as many of the failed ones as there are among all
    done, failed = kept[kept < n_done], kept[kept >= n_done]
    domain = view.bounds.get(parameter, (float(seen.min()), float(seen.max())))
    domain = (float(min(domain[0], seen.min())), float(max(domain[1], seen.max())))
    return ParameterPanel(
        parameter=parameter,
        x=tuple(values[done].tolist()),
        error=tuple(errors[done].tolist()),
        trial=tuple(int(trial) for trial in trials[done]),
        domain=domain,
        is_log=is_wide(*domain),
        low=None if good is None else float(good.low),
        best=None if good is None else float(good.best),
        high=None if good is None else float(good.high),
        failed=tuple((float(values[i]), int(trials[i])) for i in failed),
        words=view.categories.get(parameter, ()),
    )


def _sentences(view: PopulationView, data: ReportData, panels: Sequence[ParameterPanel]) -> tuple[str, ...]:
    explanation = (
        f"Each point is one of the {count(len(view.done), 'trained network')} of {view.name}: lower is better. "
        "The band contains the best network of 95 in 100 random quarters of the population, the line is the median. "
        "A narrow band alone is no evidence: it is as narrow for many a parameter that does nothing."
    )
    if view.n_failed:
        explanation += (
            f" The {count(view.n_failed, 'network')} that failed are crosses at the upper edge; bands and tests count "
            f"them behind all others, with an error of {view.failure_error:g}%."
        )
    drawn = max(len(panel.x) for panel in panels)
    if drawn < len(view.done):
        explanation += f" {drawn:,} of the {len(view.done):,} are drawn, selected evenly from best to worst."
    return (explanation, *_tested(data, panels), *_undrawn(view, panels))


def _tested(data: ReportData, panels: Sequence[ParameterPanel]) -> list[str]:
    """What the permutation test says, after Holm's correction for the number of parameters."""
    tested = {panel.parameter: data.relevance[panel.parameter] for panel in panels if panel.parameter in data.relevance}
    if not tested:
        return []
    found = sorted((item for item in tested.items() if item[1].p_holm <= LEVEL), key=lambda item: item[1].p_holm)
    if not found:
        return [
            f"No parameter is shown to matter at {LEVEL:.0%} after Holm's correction for {len(data.relevance)} tests."
        ]
    named = [
        f"{name} ({p_value(each.p_holm)}, {each.explained:.0%} of the variance of ranks)"
        for name, each in found[:_MOST_NAMED]
    ]
    if len(found) > _MOST_NAMED:
        named.append(f"{len(found) - _MOST_NAMED} more")
    return [
        f"Shown to matter at {LEVEL:.0%}, after Holm's correction for {len(data.relevance)} tests: {listing(named)}. "
        "Each parameter was tested alone: one that goes with the cause is found too."
    ]


def _undrawn(view: PopulationView, panels: Sequence[ParameterPanel]) -> list[str]:
    """Parts of ranges that no network was drawn from: nothing is known of them."""
    named = []
    for panel in panels:
        if panel.parameter in view.bounds:
            values = values_of(view.counted, panel.parameter)
            seen = (float(np.nanmin(values)), float(np.nanmax(values)))
            low, high = view.bounds[panel.parameter]
            if (seen[0] > low or seen[1] < high) and not _reaches(seen, (low, high), panel.is_log):
                named.append(f"{panel.parameter} ({span(seen)} of {span((low, high))})")
    if not named:
        return []
    shown = [*named[:_MOST_NAMED], *([f"{len(named) - _MOST_NAMED} more"] if len(named) > _MOST_NAMED else [])]
    return [f"Only a part was drawn of {listing(shown)}: of the rest nothing is known, neither good nor bad."]


def _reaches(seen: tuple[float, float], allowed: tuple[float, float], is_log: bool) -> bool:
    """Whether what was drawn comes within a tenth of both ends, as a sample does by chance."""
    low, high, first, last = np.log([*allowed, *seen]) if is_log else (*allowed, *seen)
    return bool(max(first - low, high - last) <= 0.1 * (high - low))


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
        data[f"failed {name}"] = [{"x": x, "trial": trial} for x, trial in panel.failed]
        panels.append(_draw_panel(panel, name, errors, is_first=index % _COLUMNS == 0))
    return to_spec(alt.concat(*panels, columns=_COLUMNS, spacing=18), data)


def _draw_panel(panel: ParameterPanel, name: str, errors: Sequence[float], is_first: bool) -> Any:
    import altair as alt

    x = alt.X(
        "x:Q",
        title=meaning(panel.parameter) or None,
        scale=x_scale(panel.domain, panel.is_log),
        axis=value_axis(panel.domain, panel.is_log, all(float(x).is_integer() for x in panel.x), panel.words),
    )
    y = alt.Y("error:Q", title="error, %" if is_first else None, scale=error_scale(errors))
    points = (
        alt.Chart(alt.NamedData(name))
        .mark_circle(size=26, opacity=1, fillOpacity=0.55, color=SERIES[0])
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
    failed = failure_marks(f"failed {name}", x, ["trial:Q", alt.Tooltip("x:Q", title=panel.parameter)])
    return alt.layer(*layers, points, *([failed] if panel.failed else [])).properties(
        width=SMALL, height=150, title=title
    )
