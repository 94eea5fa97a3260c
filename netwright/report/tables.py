"""The tables of a report."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from netwright.report.data import ReportData
from netwright.report.parts import Cell, Details, Download, Part, SortableTable, Table
from netwright.report.sections.answer import AnswerFigure, FinalistRow
from netwright.report.sections.failures import FailuresFigure
from netwright.report.sections.spaces import SpacesFigure
from netwright.report.sections.verdict import with_spread
from netwright.report.text import amount, number, percent

__all__ = ["csv_download", "failures_table", "finalists_table", "rejections_table", "trials_table"]

_MOST_ROWS = 2000
# what netwright.space counts in sampling, apart from rejections by a constraint
_COUNTS = {
    "draws": "drawn",
    "duplicate": "drawn before",
    "accepted": "accepted",
    "unused": "valid, but not needed",
}
_COSTS = ("flops", "params", "acts")


def finalists_table(figure: AnswerFigure) -> Sequence[Part]:
    """The networks that were trained longer, one column each; nothing where there are none."""
    if not figure.rows:
        return ()
    lines: dict[str, Callable[[FinalistRow], str]] = {
        "test error": lambda row: with_spread(row.errors),
        "by seed": lambda row: ", ".join(
            f"{percent(error)} (seed {seed})" for seed, error in zip(row.seeds, row.errors, strict=True)
        ),
        "flops": lambda row: amount(row.flops),
        "parameters": lambda row: amount(row.params),
        "activations": lambda row: amount(row.acts),
        "blocks": lambda row: str(row.depth),
        "stages": lambda row: ", ".join(f"{depth} × {width}" for depth, width in row.stages),
        "note": lambda row: row.note,
    }
    rows = [(name, *(read(row) for row in figure.rows)) for name, read in lines.items()]
    heads = ("", *(f"{row.role}: {row.name}" for row in figure.rows))
    return (Table(heads, [row for row in rows if any(row[1:])]),)


def failures_table(figure: FailuresFigure) -> Sequence[Part]:
    """The first failed trials with their whole reasons, folded away; nothing where none failed."""
    if not figure.listed:
        return ()
    more = (
        f"The first {len(figure.listed)}; {figure.unlisted:,} more are in the table of all trials."
        if figure.unlisted
        else ""
    )
    rows = [(population, str(trial), reason) for population, trial, reason in figure.listed]
    return (Details("Each failed trial", Table(("population", "trial", "reason"), rows, more)),)


def rejections_table(figure: SpacesFigure) -> Sequence[Part]:
    """How sampling went, one column for each population; nothing where it is unknown."""
    if not figure.rejections:
        return ()
    counts = {name: dict(rejections) for name, rejections in figure.rejections}
    lines = dict.fromkeys(line for each in counts.values() for line in each)
    rows = [
        (_COUNTS.get(line, f"rejected by {line}"), *(_share(each, line) for each in counts.values())) for line in lines
    ]
    return (Table(("sampling", *counts), rows),)


def _share(counts: Mapping[str, int], line: str) -> str:
    if line not in counts:
        return ""
    draws = counts.get("draws", 0)
    share = f" ({100 * counts[line] / draws:.1f}%)" if draws and line != "draws" else ""
    return f"{counts[line]:,}{share}"


def trials_table(data: ReportData) -> SortableTable:
    """Every trial of every population, up to 2,000."""
    many = len(data.populations) > 1
    parameters = list(dict.fromkeys(name for view in data.populations for name in view.parameters))
    frames = [view.trials for view in data.populations]
    columns = [
        name
        for name in ("trial", "state", "error", *_COSTS, *parameters, "seconds", "seed", "reason")
        if any(name in frame and frame[name].notna().any() for frame in frames)
    ]
    rows: list[list[Cell]] = []
    for view in data.populations:
        first = [Cell(view.name, view.name)] if many else []
        frame = view.trials.head(_MOST_ROWS - len(rows))
        for row in frame.reindex(columns=columns).itertuples(index=False):
            rows.append(first + [_cell(name, value) for name, value in zip(columns, row, strict=True)])
    total = sum(len(frame) for frame in frames)
    note = f"The first {_MOST_ROWS:,} of {total:,}; the CSV has all." if total > _MOST_ROWS else ""
    return SortableTable((["population"] if many else []) + columns, rows, note)


def _cell(name: str, value: Any) -> Cell:
    if value is None or (isinstance(value, float) and not np.isfinite(value)) or value is pd.NA:
        return Cell.of("", None)
    if isinstance(value, (bool, np.bool_, str)) or not isinstance(value, (int, float, np.number)):
        return Cell.of(str(value), str(value))
    plain = float(value)
    if name == "error":
        return Cell.of(f"{plain:.2f}", plain)
    if name in _COSTS:
        return Cell.of(amount(plain), plain)
    if name == "seconds":
        return Cell.of(f"{plain:.1f}", plain)
    return Cell.of(str(round(plain)) if name in ("trial", "seed") else number(plain), plain)


def csv_download(data: ReportData) -> Download:
    """All trials as a CSV file inside the page."""
    frames = [
        view.trials.drop(columns=["curve"], errors="ignore").assign(population=view.name) for view in data.populations
    ]
    joined = pd.concat(frames, ignore_index=True)
    joined = joined[["population", *(name for name in joined.columns if name != "population")]]
    return Download(
        before="Click the head of a column to sort.",
        label="Download as CSV",
        filename="trials.csv",
        media_type="text/csv;charset=utf-8",
        base64=base64.b64encode(joined.to_csv(index=False).encode()).decode(),
    )
