"""The tables of a report."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from netwright.report.comparison import Comparison
from netwright.report.data import ReportData
from netwright.report.parts import Cell, Details, Download, Part, SortableTable, Table
from netwright.report.provenance import unlike_parts
from netwright.report.sections.answer import AnswerFigure, FinalistRow
from netwright.report.sections.failures import FailuresFigure
from netwright.report.sections.spaces import SpacesFigure
from netwright.report.sections.verdict import with_spread
from netwright.report.text import amount, number, percent, signed
from netwright.system.atomic import atomic_file

__all__ = [
    "BESIDE",
    "csv_download",
    "failures_table",
    "finalists_table",
    "pairs_table",
    "rejections_table",
    "trials_table",
]

BESIDE = "report_trials.csv"  # a table that is too large for the page
_MOST_INSIDE = 900_000  # bytes
_SAMPLED, _CHUNK = 200, 10_000  # rows: to estimate the size of a table, and in memory as text
_MOST_ROWS, _MOST_COLUMNS, _MOST_CELLS = 1000, 40, 20_000
_LONGEST_CELL = 300  # characters
_PAIRS = "Each pair. Below 0 the first named is better; p (Holm) is corrected for the number of pairs, KS p is not."
# what netwright.space counts in sampling, apart from rejections by a constraint
_COUNTS = {
    "draws": "drawn",
    "duplicate": "drawn before",
    "accepted": "accepted",
    "unused": "valid, but not needed",
}
_COSTS = ("flops", "params", "acts", "latency_ms")


def finalists_table(figure: AnswerFigure) -> Sequence[Part]:
    """The networks that were trained longer, one column each; nothing where there are none."""
    if not figure.rows:
        return ()
    lines: dict[str, Callable[[FinalistRow], str]] = {
        "test accuracy": lambda row: percent(100 - row.mean),
        "test error": lambda row: with_spread(row.errors),
        "by seed": lambda row: ", ".join(
            f"{percent(error)} (seed {seed})" for seed, error in zip(row.seeds, row.errors, strict=True)
        ),
        "flops": lambda row: amount(row.flops),
        "parameters": lambda row: amount(row.params),
        "activations": lambda row: amount(row.acts),
        "latency": lambda row: row.latency,
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
    """The first trials of all populations, up to 1,000 rows and 20,000 cells."""
    many = len(data.populations) > 1
    parameters = list(dict.fromkeys(name for view in data.populations for name in view.parameters))
    frames = [view.trials for view in data.populations]
    columns = [
        name
        for name in ("trial", "state", "error", *_COSTS, *parameters, "e_fit", "seconds", "seed", "reason")
        if any(name in frame and frame[name].notna().any() for frame in frames)
    ]
    shown = columns[:_MOST_COLUMNS]
    shares = _shares([len(frame) for frame in frames], min(_MOST_ROWS, _MOST_CELLS // max(1, len(shown))))
    rows: list[list[Cell]] = []
    for view, share in zip(data.populations, shares, strict=True):
        first = [Cell(view.name, view.name)] if many else []
        frame = view.trials.head(share)
        for row in frame.reindex(columns=shown).itertuples(index=False):
            rows.append(first + [_cell(name, value) for name, value in zip(shown, row, strict=True)])
    total = sum(len(frame) for frame in frames)
    notes = [f"The first {len(rows):,} of {total:,} trials; the CSV has all."] if total > len(rows) else []
    if len(columns) > len(shown):
        notes.append(f"The first {len(shown)} of {len(columns)} columns; the CSV has all.")
    return SortableTable((["population"] if many else []) + shown, rows, " ".join(notes))


def _shares(sizes: Sequence[int], most: int) -> list[int]:
    """How many rows of each population: equally many, and what small ones leave to the others."""
    shares = [0] * len(sizes)
    for done, i in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        shares[i] = min(sizes[i], (most - sum(shares)) // (len(sizes) - done))
    return shares


def pairs_table(data: ReportData) -> Sequence[Part]:
    """The comparison of each pair of several populations; nothing for two."""
    if not data.pairs:
        return ()
    heads = (
        "pair",
        "difference of means",
        "95% interval",
        "p (Holm)",
        "KS",
        "KS p",
        "beats it in",
        "unlike",
    )
    return (Table(heads, [_pair(pair) for pair in data.pairs], _PAIRS, kind="numbers"),)


def _pair(pair: Comparison) -> tuple[str, ...]:
    return (
        f"{pair.names[1]} against {pair.names[0]}",
        signed(pair.mean.difference),
        "" if pair.mean.interval is None else " to ".join(map(signed, pair.mean.interval)),
        f"{pair.p_value:.2g}",
        f"{pair.ks.statistic:.2f}",
        f"{pair.ks.p_value:.2g}",
        f"{pair.mean.effect.superiority:.0%}",
        _unlike(pair),
    )


def _unlike(pair: Comparison) -> str:
    """In what a pair differs beside its spaces: its trainings, and the complexities that were drawn."""
    trained = unlike_parts(pair.differences)
    mixes = f"mixes of {pair.mixes.cost}" if pair.mixes is not None and pair.mixes.differ else ""
    return "; ".join(part for part in (trained, mixes) if part)


def _cell(name: str, value: Any) -> Cell:
    if value is None or (isinstance(value, float) and not np.isfinite(value)) or value is pd.NA:
        return Cell.of("", None)
    if isinstance(value, (bool, np.bool_, str)) or not isinstance(value, (int, float, np.number)):
        text = str(value)
        return (
            Cell(text, text) if len(text) <= _LONGEST_CELL else Cell(f"{text[:_LONGEST_CELL]}…", text[:_LONGEST_CELL])
        )
    plain = float(value)
    if name == "error":
        return Cell.of(f"{plain:.2f}", plain)
    if name in _COSTS:
        return Cell.of(amount(plain), plain)
    if name == "seconds":
        return Cell.of(f"{plain:.1f}", plain)
    return Cell.of(str(round(plain)) if name in ("trial", "seed") else number(plain), plain)


def csv_download(data: ReportData, folder: Path, *, what: str, elsewhere: str) -> Download:
    """The CSV of all trials: inside the page, or a file in the folder where it would make the page slow to open.

    Args:
        data: Of the report.
        folder: Where the page is.
        what: What is written, for the message of an error.
        elsewhere: What to give for another folder, likewise.

    Raises:
        OutputError: The file cannot be written.
    """
    beside = folder / BESIDE
    total = sum(len(view.trials) for view in data.populations)
    sample = {view.name: view.trials.head(_SAMPLED) for view in data.populations}
    if len(_csv(sample, data)) * total > _MOST_INSIDE * sum(map(len, sample.values())):
        with atomic_file(beside, what=what, elsewhere=elsewhere) as file:
            for view in data.populations:
                for start in range(0, len(view.trials), _CHUNK):
                    rows = view.trials.iloc[start : start + _CHUNK]
                    file.write(_csv({view.name: rows}, data, header=not file.tell()))
        size = amount(beside.stat().st_size)
        label, content = f"All trials as CSV ({size}B, the file {BESIDE} beside this page)", b""
    else:
        beside.unlink(missing_ok=True)  # an earlier report's
        label, content = "Download as CSV", _csv({view.name: view.trials for view in data.populations}, data)
    return Download(
        before="Click the head of a column to sort.",
        label=label,
        filename="trials.csv",
        media_type="text/csv;charset=utf-8",
        base64=base64.b64encode(content).decode(),
        beside="" if content else BESIDE,
    )


def _csv(frames: Mapping[str, pd.DataFrame], data: ReportData, *, header: bool = True) -> bytes:
    """Rows of populations by name, with the columns that any of all populations has."""
    left_out = ("curve", "population")
    columns = dict.fromkeys(name for view in data.populations for name in view.trials.columns if name not in left_out)
    texts: list[str] = []
    for name, frame in frames.items():
        rows = frame.reindex(columns=list(columns)).assign(population=name)
        texts.append(rows[["population", *columns]].to_csv(index=False, header=header and not texts))
    return "".join(texts).encode()
