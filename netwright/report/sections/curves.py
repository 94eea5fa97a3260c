"""How the error fell while each network was trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netwright.report.figures.missing import Missing
from netwright.report.figures.parameters import thin
from netwright.report.story import Story
from netwright.report.words import count, percent

__all__ = ["CurvesFigure", "TrialCurve", "curves_figure"]

_MOST_CURVES = 150


@dataclass(frozen=True)
class TrialCurve:
    population: str
    trial: int
    epochs: tuple[float, ...]
    errors: tuple[float, ...]
    is_best: bool


@dataclass(frozen=True)
class CurvesFigure:
    """Faint curves first, the best of each population last so that it is drawn on top."""

    populations: tuple[str, ...]
    curves: tuple[TrialCurve, ...]
    sentences: tuple[str, ...]


def curves_figure(story: Story) -> CurvesFigure | Missing:
    curves: list[TrialCurve] = []
    for view in story.populations:
        if "curve" not in view.done:
            continue
        read = [
            (int(trial), *_points(curve)) for trial, curve in zip(view.done["trial"], view.done["curve"], strict=True)
        ]
        told = [entry for entry in read if len(entry[1]) > 1]
        if told:
            kept = thin(len(told), _MOST_CURVES // len(story.populations))
            curves += [
                TrialCurve(view.name, trial, epochs, errors, is_best=i == 0)
                for i in kept.tolist()
                for trial, epochs, errors in [told[i]]
            ]
    if not curves:
        return Missing("no trial recorded a learning curve of two epochs or more")
    curves.sort(key=lambda curve: curve.is_best)
    populations = tuple(
        dict.fromkeys(view.name for view in story.populations if any(c.population == view.name for c in curves))
    )
    return CurvesFigure(populations, tuple(curves), _sentences(curves))


def _points(curve: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Epochs and errors of a stored curve; what is no curve is empty."""
    rows: Sequence[Mapping[str, Any]] = curve if isinstance(curve, (list, tuple)) else ()
    points = [
        (float(row["epoch"]), float(row["error"]))
        for row in rows
        if isinstance(row, Mapping) and row.get("error") is not None and row.get("epoch") is not None
    ]
    finite = [point for point in points if math.isfinite(point[1])]
    return tuple(epoch for epoch, _ in finite), tuple(error for _, error in finite)


def _sentences(curves: Sequence[TrialCurve]) -> tuple[str, ...]:
    faint = len(curves) - sum(curve.is_best for curve in curves)
    shows = f"The error after each epoch: {count(faint, 'network')} faint, the best of each population bold."
    best = min((curve for curve in curves if curve.is_best), key=lambda curve: curve.errors[-1])
    gain = best.errors[-2] - best.errors[-1]
    ends = f"The best ended at {percent(best.errors[-1])}"
    if gain > 0.02 * best.errors[-1]:
        return (
            shows,
            f"{ends} and was still falling ({percent(gain)} in its last epoch): ranks may change with longer training.",
        )
    return (shows, f"{ends} and had flattened out.")
