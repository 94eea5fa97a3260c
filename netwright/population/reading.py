"""What the file of a population has, as values: its trials as a table, and those that failed."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import numpy as np

from netwright.arch import e_fit_of
from netwright.population.database import has_extra_column, has_failure_column
from netwright.population.failure import failure_of
from netwright.population.latency import COLUMN, has_latency, latency_words
from netwright.population.sessions import COLUMN as SESSION
from netwright.population.sessions import has_several_sessions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["failed_trials", "parameter_names", "trial_frame"]

_BEFORE = ("trial", "state", "reason")
_AFTER = ("error", "flops", "params", "acts", "seconds", "seed", "attempts", "label")


def trial_frame(
    db: sqlite3.Connection, table: str = "trials", most: int | None = None, seed: int = 0, *, light: bool = False
) -> pd.DataFrame:
    """`Population.frame` of a file.

    Args:
        db: The file.
        table: Of it, the trials or their repeats.
        most: Of more trials so many, drawn at random; None is all.
        seed: Of that draw.
        light: Without e_fit and curves.
    """
    import numpy as np
    import pandas as pd

    measured = table == "trials" and has_latency(db)
    after = (*_AFTER, COLUMN) if measured else _AFTER
    of_repeats = () if table == "trials" else ("network", "repeat")
    sessions = (SESSION,) if has_several_sessions(db, table) else ()
    names = (*_BEFORE, "failure", *after, *of_repeats, *sessions)
    selected = ", ".join((*_BEFORE, _failure(db, table), *after, *of_repeats, *sessions))
    records = []
    imported = has_extra_column(db)  # then repeats have the column too
    extra = "extra" if imported else "NULL"
    some = _some(db, table, most, seed)
    for row in db.execute(f"SELECT {selected}, {extra}, parameters, arch, curve FROM {table}{some} ORDER BY trial"):
        record = dict(zip(names, row, strict=False))
        if record["state"] == "failed":
            record["failure"] = record["failure"] or failure_of(record["reason"])
        curve = json.loads(row[-1]) if row[-1] and not light else []
        more = json.loads(row[-4]) if row[-4] else {}
        records.append(record | json.loads(row[-3]) | more | {"arch": row[-2], "curve": curve})
    frame = pd.DataFrame.from_records(records, columns=None if records else [*names, "arch", "curve"])
    if frame["arch"].notna().any() or not imported:
        frame = frame.drop(columns="e_fit", errors="ignore")  # as a copy that was imported has it
        frame.insert(list(frame).index("arch"), "e_fit", np.nan if light else e_fit_of(frame["arch"]))
    unknown = [name for name in ("flops", "params", "acts", "seed") if imported and frame[name].isna().any()]
    frame = frame.astype({"error": float, "seconds": float, **dict.fromkeys(unknown, float)})
    if measured or (COLUMN in frame and frame[COLUMN].dtype.kind in "iuf"):
        frame.insert(list(frame).index("acts") + 1, COLUMN, frame.pop(COLUMN).astype(float))
        if words := latency_words(db):
            frame.attrs[COLUMN] = words
    return frame


def _some(db: sqlite3.Connection, table: str, most: int | None, seed: int) -> str:
    """The condition that keeps `most` trials at random; nothing where there are no more."""
    if most is None:
        return ""
    trials = np.array([trial for (trial,) in db.execute(f"SELECT trial FROM {table}")], np.int64)
    if trials.size <= most:
        return ""
    kept = np.random.default_rng(seed).choice(trials, most, replace=False)
    db.execute("CREATE TEMP TABLE IF NOT EXISTS drawn (trial INTEGER PRIMARY KEY)")
    db.execute("DELETE FROM drawn")
    db.executemany("INSERT INTO drawn VALUES (?)", [(int(trial),) for trial in kept])
    return " WHERE trial IN (SELECT trial FROM drawn)"


def parameter_names(db: sqlite3.Connection) -> list[str]:
    """What was drawn for the trials, or what an import found to be parameters, in order."""
    drawn = (json.loads(text) for (text,) in db.execute("SELECT parameters FROM trials ORDER BY trial"))
    return list(dict.fromkeys(name for each in drawn for name in each))


def failed_trials(db: sqlite3.Connection, table: str = "trials") -> dict[int, tuple[str, str]]:
    """Index of each failed trial -> its reason, and whose fault; by the reason where the file does not say."""
    selected = f"SELECT trial, reason, {_failure(db, table)} FROM {table}"
    rows = db.execute(f"{selected} WHERE state = 'failed' ORDER BY trial")
    return {index: (reason or "", failure or failure_of(reason)) for index, reason, failure in rows}


def _failure(db: sqlite3.Connection, table: str) -> str:
    """The column, or what stands for it in a file of version 0.1."""
    return "failure" if has_failure_column(db, table) else "NULL"
