"""Tables of the page: whatever comes in is escaped here."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from netwright.report.figures.answer import AnswerFigure, FinalistRow
from netwright.report.figures.failures import FailuresFigure
from netwright.report.figures.spaces import SpacesFigure
from netwright.report.figures.verdict import with_spread
from netwright.report.story import Story
from netwright.report.words import amount, number, percent

__all__ = ["account_table", "csv_link", "failures_table", "finalists_table", "table", "trials_table"]

_MOST_ROWS = 2000
# lines of a sampling account, as netwright.space writes them
_LINES = {
    "draws": "drawn",
    "duplicate": "drawn before",
    "accepted": "accepted",
    "unused": "good, but more than asked for",
}
_COSTS = ("flops", "params", "acts")
# a cell: what is read, and what a click on the column's head sorts by
Cell = tuple[str, str | float | None]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", kind: str = "") -> str:
    """A plain table of texts."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    inside = f"{said}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table class="{escape(kind)}">{inside}</table></div>'


def finalists_table(figure: AnswerFigure) -> str:
    if not figure.rows:
        return ""
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
    return table(("", *(f"{row.role}: {row.name}" for row in figure.rows)), [row for row in rows if any(row[1:])])


def failures_table(figure: FailuresFigure) -> str:
    if not figure.listed:
        return ""
    more = (
        f"The first {len(figure.listed)}; {figure.unlisted:,} more are in the table of all trials."
        if figure.unlisted
        else ""
    )
    rows = [(population, str(trial), reason) for population, trial, reason in figure.listed]
    listed = table(("population", "trial", "reason"), rows, more)
    return f"<details><summary>Each failed trial</summary>{listed}</details>"


def account_table(figure: SpacesFigure) -> str:
    """How sampling went, a column a population; what is no known line is a constraint that turned draws away."""
    if not figure.accounts:
        return ""
    accounts = {name: dict(account) for name, account in figure.accounts}
    lines = dict.fromkeys(line for account in accounts.values() for line in account)
    rows = [
        (_LINES.get(line, f"rejected by {line}"), *(_share(account, line) for account in accounts.values()))
        for line in lines
    ]
    return table(("sampling", *accounts), rows)


def _share(account: Mapping[str, int], line: str) -> str:
    if line not in account:
        return ""
    draws = account.get("draws", 0)
    share = f" ({100 * account[line] / draws:.1f}%)" if draws and line != "draws" else ""
    return f"{account[line]:,}{share}"


def trials_table(story: Story) -> str:
    """Every trial, sortable by the page's script."""
    many = len(story.populations) > 1
    parameters = list(dict.fromkeys(name for view in story.populations for name in view.parameters))
    known = [view.trials for view in story.populations]
    columns = [
        name
        for name in ("trial", "state", "error", *_COSTS, *parameters, "seconds", "seed", "reason")
        if any(name in frame and frame[name].notna().any() for frame in known)
    ]
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{escape(name)}</button></th>'
        for name in (["population"] if many else []) + columns
    )
    body, left = [], _MOST_ROWS
    for view in story.populations:
        frame = view.trials.head(left)
        left -= len(frame)
        for row in frame.reindex(columns=columns).itertuples(index=False):
            cells = [_cell(name, value) for name, value in zip(columns, row, strict=True)]
            body.append(
                "<tr>" + "".join(_td(cell) for cell in ([(view.name, view.name)] if many else []) + cells) + "</tr>"
            )
    total = sum(len(frame) for frame in known)
    note = f"<p>The first {_MOST_ROWS:,} of {total:,}; the CSV has all.</p>" if total > _MOST_ROWS else ""
    return (
        f'{note}<div class="scroll tall"><table class="sortable numbers"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(name: str, value: Any) -> Cell:
    if value is None or (isinstance(value, float) and not np.isfinite(value)) or value is pd.NA:
        return "", None
    if isinstance(value, (bool, np.bool_, str)):
        return str(value), str(value)
    if not isinstance(value, (int, float, np.number)):
        return str(value), str(value)
    plain = float(value)
    if name == "error":
        return f"{plain:.2f}", plain
    if name in _COSTS:
        return amount(plain), plain
    if name == "seconds":
        return f"{plain:.1f}", plain
    return (str(round(plain)) if name in ("trial", "seed") else number(plain)), plain


def _td(cell: Cell) -> str:
    text, key = cell
    sort = "" if key is None else escape(str(key))
    return f'<td data-key="{sort}">{escape(text)}</td>' if sort != escape(text) else f"<td>{sort}</td>"


def csv_link(story: Story) -> str:
    """A download of all trials that needs no file beside the page."""
    frames = [
        view.trials.drop(columns=["curve"], errors="ignore").assign(population=view.name) for view in story.populations
    ]
    joined = pd.concat(frames, ignore_index=True)
    joined = joined[["population", *(name for name in joined.columns if name != "population")]]
    coded = base64.b64encode(joined.to_csv(index=False).encode()).decode()
    return (
        f'<a class="button" download="trials.csv" href="data:text/csv;charset=utf-8;base64,{coded}">Download as CSV</a>'
    )
