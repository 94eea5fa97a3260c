"""Repeats: networks of a population, trained again with other seeds, in a table of their own.

Whoever reads the trials counts each network once, versions that know no repeats too: they open such a file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netwright.population.trials import trial_seed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMN", "REPEATS", "add_repeats", "has_repeats", "insert_repeats", "with_repeats"]

REPEATS = "repeats"
COLUMN = "repeats"  # of a table: the repeats of each row's network, as a list
_KEPT = ("repeat", "state", "reason", "failure", "error", "seconds", "seed", "attempts", "curve")

_ALIKE = "flops, params, acts, parameters, arch"  # what a repeat has from its trial


def has_repeats(db: sqlite3.Connection) -> bool:
    """Whether the file has repeats."""
    return (
        db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (REPEATS,)).fetchone() is not None
    )


def add_repeats(db: sqlite3.Connection, seed: int, seeds: int, networks: int | None) -> None:
    """Rows for the repeats that are not there yet, all of which wait.

    Args:
        db: In a transaction.
        seed: Of the population.
        seeds: Of each network, with that of its trial.
        networks: The first ones of the population; None is all.
    """
    if not has_repeats(db):
        _make_table(db)
    there = set(db.execute(f"SELECT network, repeat FROM {REPEATS}").fetchall())
    trials = [trial for (trial,) in db.execute("SELECT trial FROM trials ORDER BY trial LIMIT ?", (networks or -1,))]
    wanted = [(trial, repeat) for repeat in range(1, seeds) for trial in trials if (trial, repeat) not in there]
    db.executemany(
        f"INSERT INTO {REPEATS} (network, repeat, seed, label, {_ALIKE}) "
        f"SELECT trial, ?, ?, ?, {_ALIKE} FROM trials WHERE trial = ?",
        [
            (repeat, trial_seed(seed, trial, repeat), f"network {trial}, seed {repeat + 1}", trial)
            for trial, repeat in wanted
        ],
    )


def with_repeats(frame: pd.DataFrame, repeats: pd.DataFrame) -> pd.DataFrame:
    """The trials, with a column that has the repeats of each: a row stays a network, which counts once.

    Args:
        frame: Of the trials.
        repeats: Of their repeats.
    """
    found: dict[int, list[dict[str, Any]]] = {}
    for record in repeats.to_dict("records"):
        known = {key: record[key] for key in _KEPT if isinstance(record[key], list) or record[key] == record[key]}
        found.setdefault(int(record["network"]), []).append({k: v for k, v in known.items() if v is not None})
    import pandas as pd

    lists = [found.get(int(trial)) for trial in frame["trial"]]
    return frame.assign(**{COLUMN: pd.Series(lists, index=frame.index, dtype=object)})


def insert_repeats(db: sqlite3.Connection, repeats: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    """Rows of repeats that a table had. repeats: trial -> as `with_repeats` gives them."""
    _make_table(db)
    rows = [(int(given["repeat"]), trial, given) for trial, each in repeats.items() for given in each]
    for repeat, trial, given in sorted(rows, key=lambda row: row[:2]):
        values = {key: given.get(key) for key in _KEPT} | {"curve": json.dumps(given.get("curve") or [])}
        values |= {"attempts": given.get("attempts") or 0, "network": trial}
        values["label"] = f"network {trial}, seed {repeat + 1}"
        db.execute(
            f"INSERT INTO {REPEATS} ({', '.join(values)}, {_ALIKE}) "
            f"SELECT {', '.join('?' * len(values))}, {_ALIKE} FROM trials WHERE trial = ?",
            (*values.values(), trial),
        )


def _make_table(db: sqlite3.Connection) -> None:
    """The table, with the columns that trials have in this file, whichever version made it."""
    (made,) = db.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'trials'").fetchone()
    columns = made[made.index("(") + 1 :]
    db.execute(f"CREATE TABLE {REPEATS} (network INTEGER NOT NULL, repeat INTEGER NOT NULL, {columns}")
    db.execute(f"CREATE UNIQUE INDEX one_of_each ON {REPEATS} (network, repeat)")
