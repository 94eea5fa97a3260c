"""Error against cost, and the networks that no other one beats in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import (
    MOST_POINTS,
    cost_axis,
    cost_format,
    cost_title,
    error_scale,
    failure_marks,
    is_wide,
    thin,
    values_of,
)
from netwright.report.text import amount, count, listing, meaning, percent
from netwright.stats import pareto
from netwright.theme import INK, SMALL, Spec, colors, shapes, to_spec

__all__ = ["CostPanel", "CostsFigure", "costs_chart", "costs_figure"]

_COSTS = ("flops", "params", "acts", "latency_ms")


@dataclass(frozen=True)
class CostPanel:
    """Error against one cost.

    Attributes:
        cost: "flops", "params", "acts" or "latency_ms".
        population, x, error, trial: One entry for each point; x is the cost, the error is in percent.
        front: The Pareto front as (x, error, population, trial), cheapest first; of networks that did not fail.
        failed: (x, population, trial) of networks that failed.
        is_log: Whether the axis of the cost is logarithmic.
    """

    cost: str
    population: tuple[str, ...]
    x: tuple[float, ...]
    error: tuple[float, ...]
    trial: tuple[int, ...]
    front: tuple[tuple[float, float, str, int], ...]
    is_log: bool
    failed: tuple[tuple[float, str, int], ...] = ()


@dataclass(frozen=True)
class CostsFigure:
    """One panel for each cost that the tables have."""

    panels: tuple[CostPanel, ...]
    populations: tuple[str, ...]
    sentences: tuple[str, ...]


def costs_figure(data: ReportData) -> CostsFigure | Missing:
    """Points and Pareto front of all populations together, for each cost."""
    panels = tuple(panel for cost in _COSTS if (panel := _panel(data, cost)) is not None)
    if not panels:
        return Missing(f"the table has no column of {', '.join(_COSTS[:3])} or {_COSTS[3]} with values")
    # all, so that each keeps its color
    sentences = (*_sentences(panels), *_measured_on(data))
    return CostsFigure(panels, tuple(view.name for view in data.populations), sentences)


def _panel(data: ReportData, cost: str) -> CostPanel | None:
    names: list[str] = []
    x, error, trial = [], [], []
    for view in data.populations:
        if cost not in view.done:
            continue
        values = values_of(view.done, cost)
        known = np.isfinite(values) & (values > 0)
        names += [view.name] * int(known.sum())
        x.append(values[known])
        error.append(view.done["error"].to_numpy(np.float64)[known])
        trial.append(view.done["trial"].to_numpy()[known])
    if not names:
        return None
    xs, errors, trials = np.concatenate(x), np.concatenate(error), np.concatenate(trial)
    best = np.flatnonzero(pareto(xs, errors))
    best = best[np.lexsort((errors[best], xs[best]))]
    front = tuple((float(xs[i]), float(errors[i]), names[i], int(trials[i])) for i in best)
    kept = np.argsort(errors, kind="stable")[thin(len(errors), MOST_POINTS)]
    return CostPanel(
        cost=cost,
        population=tuple(names[i] for i in kept),
        x=tuple(xs[kept].tolist()),
        error=tuple(errors[kept].tolist()),
        trial=tuple(int(trials[i]) for i in kept),
        front=front,
        is_log=is_wide(float(xs.min()), float(xs.max())),
        failed=_failed(data, cost),
    )


def _measured_on(data: ReportData) -> list[str]:
    """The devices that latencies were measured on, as far as the populations say it."""
    known = {str(words): None for view in data.populations if (words := view.frame.attrs.get("latency_ms"))}
    return [f"Latency is of one answer, measured: {listing(list(known))}."] if known else []


def _failed(data: ReportData, cost: str) -> tuple[tuple[float, str, int], ...]:
    found: list[tuple[float, str, int]] = []
    for view in data.populations:
        failures = view.counted.iloc[len(view.done) :]
        if cost in failures:
            values = values_of(failures, cost)
            rows = np.flatnonzero(np.isfinite(values) & (values > 0))
            rows = rows[thin(len(rows), MOST_POINTS // 2 // len(data.populations))]
            found += [(float(values[i]), view.name, int(failures["trial"].iloc[i])) for i in rows]
    return tuple(found)


def _sentences(panels: tuple[CostPanel, ...]) -> tuple[str, ...]:
    first = panels[0]
    cheap, good = first.front[0], first.front[-1]
    named = [f"{panel.cost} ({meaning(panel.cost)})" for panel in panels]
    explanation = (
        f"Error against {listing(named)}. The line joins the networks that no other one beats in both: a lower error "
        "than that of a network on the line costs more."
    )
    if any(panel.failed for panel in panels):
        explanation += " Crosses at the upper edge are networks that failed: they have a cost and no error."
    if len(first.front) == 1:
        return (
            explanation,
            f"One network is best in both {first.cost} and error: {percent(good[1])} at {amount(good[0])}.",
        )
    front = (
        f"In {first.cost} the line has {count(len(first.front), 'network')}: from {percent(cheap[1])} at "
        f"{amount(cheap[0])} to {percent(good[1])} at {amount(good[0])}."
    )
    return (explanation, front)


# -- drawing -----------------------------------------------------------------------------------------------------------


def costs_chart(figure: CostsFigure) -> Spec:
    """A small chart for each cost, side by side."""
    import altair as alt

    data = {}
    panels: list[Any] = []
    for panel in figure.panels:
        data[panel.cost] = [
            {"x": x, "error": error, "population": population, "trial": trial}
            for x, error, population, trial in zip(panel.x, panel.error, panel.population, panel.trial, strict=True)
        ]
        data[f"{panel.cost} front"] = [
            {"x": x, "error": error, "population": population, "trial": trial}
            for x, error, population, trial in panel.front
        ]
        data[f"{panel.cost} failed"] = [
            {"x": x, "population": population, "trial": trial} for x, population, trial in panel.failed
        ]
        panels.append(_draw_panel(panel, figure.populations, is_first=not panels))
    return to_spec(alt.concat(*panels, columns=2 if len(panels) == 4 else 3, spacing=18), data)


def _draw_panel(panel: CostPanel, populations: tuple[str, ...], is_first: bool) -> Any:
    import altair as alt

    names = list(populations)
    legend = alt.Legend(orient="top", direction="horizontal") if len(names) > 1 else None
    x = alt.X(
        "x:Q",
        title=cost_title(panel.cost),
        scale=alt.Scale(type="log", nice=False, padding=8) if panel.is_log else alt.Scale(zero=False, padding=8),
        axis=cost_axis(panel.cost),
    )
    y = alt.Y("error:Q", title="error, %" if is_first else None, scale=error_scale(panel.error))
    tooltip: list[Any] = [
        "population:N",
        "trial:Q",
        alt.Tooltip("x:Q", format=cost_format(panel.cost), title=cost_title(panel.cost)),
        alt.Tooltip("error:Q", format=".2f"),
    ]
    points = (
        alt.Chart(alt.NamedData(panel.cost))
        .mark_point(filled=True, size=30, opacity=1, fillOpacity=0.5, strokeOpacity=0.5)
        .encode(
            x=x,
            y=y,
            color=alt.Color("population:N", scale=alt.Scale(domain=names, range=colors(names)), legend=legend),
            shape=alt.Shape("population:N", scale=alt.Scale(domain=names, range=shapes(names)), legend=legend),
            tooltip=tooltip,
        )
    )
    front = alt.Chart(alt.NamedData(f"{panel.cost} front")).encode(x="x:Q", y="error:Q", tooltip=tooltip)
    # between two networks of the front only the cheaper one is available, hence steps
    line = front.mark_line(interpolate="step-after", color=INK, strokeWidth=1.4)
    marks = front.mark_point(filled=False, size=60, color=INK, strokeWidth=1.4)
    failed = failure_marks(
        f"{panel.cost} failed", x, [*tooltip[:2], alt.Tooltip("x:Q", format=".3s", title=panel.cost)]
    )
    return alt.layer(points, line, marks, *([failed] if panel.failed else [])).properties(width=SMALL, height=230)
