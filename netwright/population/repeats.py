"""Repeats: networks of a population, trained again with other seeds, in a table of their own.

Whoever reads the trials counts each network once, versions that know no repeats too: they open such a file.
"""

from __future__ import annotations

import sqlite3

from netwright.population.trials import trial_seed

__all__ = ["REPEATS", "add_repeats", "has_repeats"]

REPEATS = "repeats"

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


def _make_table(db: sqlite3.Connection) -> None:
    """The table, with the columns that trials have in this file, whichever version made it."""
    (made,) = db.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'trials'").fetchone()
    columns = made[made.index("(") + 1 :]
    db.execute(f"CREATE TABLE {REPEATS} (network INTEGER NOT NULL, repeat INTEGER NOT NULL, {columns}")
    db.execute(f"CREATE UNIQUE INDEX one_of_each ON {REPEATS} (network, repeat)")
