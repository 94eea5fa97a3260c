"""The error against what a network costs, and the networks that no other beats in both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.report.figures.missing import Missing
from netwright.report.figures.parameters import MOST_POINTS, is_wide, thin, values_of
from netwright.report.story import Story
from netwright.report.words import amount, count, listing, meaning, percent
from netwright.stats import pareto

__all__ = ["CostPanel", "CostsFigure", "costs_figure"]

_COSTS = ("flops", "params", "acts")


@dataclass(frozen=True)
class CostPanel:
    """population, x, error, trial: a point a network; front: (x, error, population, trial), cheapest first."""

    cost: str
    population: tuple[str, ...]
    x: tuple[float, ...]
    error: tuple[float, ...]
    trial: tuple[int, ...]
    front: tuple[tuple[float, float, str, int], ...]
    is_log: bool


@dataclass(frozen=True)
class CostsFigure:
    panels: tuple[CostPanel, ...]
    populations: tuple[str, ...]
    sentences: tuple[str, ...]


def costs_figure(story: Story) -> CostsFigure | Missing:
    panels = tuple(panel for cost in _COSTS if (panel := _panel(story, cost)) is not None)
    if not panels:
        return Missing(f"the table has no column of {listing(_COSTS[:2])} or {_COSTS[2]} with values")
    shown = tuple(view.name for view in story.populations if view.name in panels[0].population)
    return CostsFigure(panels, shown, _sentences(panels))


def _panel(story: Story, cost: str) -> CostPanel | None:
    names: list[str] = []
    x, error, trial = [], [], []
    for view in story.populations:
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
    )


def _sentences(panels: tuple[CostPanel, ...]) -> tuple[str, ...]:
    first = panels[0]
    cheap, good = first.front[0], first.front[-1]
    words = [f"{panel.cost} ({meaning(panel.cost)})" for panel in panels]
    shows = (
        f"Error against {listing(words)}. The line joins the networks that no other beats in both: whoever wants less "
        "error than a network on it must pay more."
    )
    if len(first.front) == 1:
        return (shows, f"One network is best in both {first.cost} and error: {percent(good[1])} at {amount(good[0])}.")
    spans = (
        f"In {first.cost} the line has {count(len(first.front), 'network')}: from {percent(cheap[1])} at "
        f"{amount(cheap[0])} to {percent(good[1])} at {amount(good[0])}."
    )
    return (shows, spans)
