"""The columns that a reader can brush, and the networks they belong to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.report.figures.missing import Missing
from netwright.report.figures.parameters import is_wide, thin, values_of
from netwright.report.story import Story

__all__ = ["COSTS", "Axis", "ExplorerFigure", "explorer_figure"]

COSTS = ("flops", "params", "acts")
_MOST_AXES = 12
_MOST_ROWS = 6000
_MOST_MARKS = 6000  # over all pictures: a browser redraws them at every step of a brush


@dataclass(frozen=True)
class Axis:
    """One column to brush."""

    column: str
    domain: tuple[float, float]
    is_log: bool


@dataclass(frozen=True)
class ExplorerFigure:
    """rows, a network each: population, trial, error, its value on each axis (None: none), whether it is drawn."""

    axes: tuple[Axis, ...]
    populations: tuple[str, ...]
    rows: tuple[tuple[str, int, float, tuple[float | None, ...], bool], ...]
    error_domain: tuple[float, float]
    sentences: tuple[str, ...]


def explorer_figure(story: Story) -> ExplorerFigure | Missing:
    views = [view for view in story.populations if not view.done.empty]
    if not views:
        return Missing("no trial has an error")
    names = dict.fromkeys([*COSTS, *(parameter for view in views for parameter in view.parameters)])
    varying = [axis for name in names if (axis := _axis(story, name)) is not None]
    axes = varying[:_MOST_AXES]
    if not axes:
        return Missing("the table has no column beside the error that varies")
    rows = []
    for view in views:
        kept = view.done.iloc[thin(len(view.done), _MOST_ROWS // len(views))]
        drawn = np.zeros(len(kept), bool)
        drawn[thin(len(kept), _MOST_MARKS // len(views) // len(axes))] = True
        absent = np.full(len(kept), np.nan)
        columns = [values_of(kept, axis.column) if axis.column in kept else absent for axis in axes]
        table = np.column_stack(columns)
        for trial, error, values, is_drawn in zip(kept["trial"], kept["error"], table, drawn, strict=True):
            cells = tuple(float(value) if np.isfinite(value) else None for value in values)
            rows.append((view.name, int(trial), float(error), cells, bool(is_drawn)))
    errors = [row[2] for row in rows]
    shows = (
        "Drag across any of the small pictures to keep only the networks inside; several at once narrow further, and a "
        "double click clears all. The large curve is recomputed from "
        "the networks that are left, and so is its legend, name [n | min | mean]; the thin curve is that of all."
    )
    if len(varying) > len(axes):
        shows += f" The first {len(axes)} of {len(varying)} columns are here."
    shown = tuple(view.name for view in views)
    return ExplorerFigure(tuple(axes), shown, tuple(rows), (min(errors), max(errors)), (shows,))


def _axis(story: Story, column: str) -> Axis | None:
    seen = np.concatenate([values_of(v.done, column) for v in story.populations if column in v.done] or [np.empty(0)])
    seen = seen[np.isfinite(seen)]
    if not len(seen) or seen.min() == seen.max():
        return None
    low, high = float(seen.min()), float(seen.max())
    return Axis(column, (low, high), is_wide(low, high))
