"""Results that other machines left as files, as rows of a population; each one counts once, however often it comes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from netwright.population.failure import failure_of

__all__ = ["fold_result", "keep_one_file", "sessions_of"]


def fold_result(db: sqlite3.Connection, table: str, result: Mapping[str, Any]) -> bool:
    """Write what came of a trial, unless its row has a result of the same training already.

    Args:
        db: In a transaction.
        table: Of the file, with the trials.
        result: index, before (attempts that the trial had when it was given away), attempts (made since), started and
            finished (seconds since 1970), kind ("done" or "failed"); error and seconds, or reason and failure; curve.

    Returns:
        Whether it was written.
    """
    is_done = result["kind"] == "done"
    reason = None if is_done else str(result["reason"])
    row = {
        "state": "done" if is_done else "failed",
        "reason": reason,
        "failure": None if is_done else result.get("failure") or failure_of(reason),
        "error": result["error"] if is_done else None,
        "seconds": result["seconds"] if is_done else None,
        "curve": json.dumps(list(result.get("curve", ()))),
        "started": result.get("started"),
        "finished": result.get("finished"),
    }
    names = ", ".join(f"{name} = ?" for name in row)
    found = db.execute(
        f"UPDATE {table} SET {names}, attempts = attempts + ? "
        "WHERE trial = ? AND state IN ('waiting', 'running') AND attempts = ?",
        (*row.values(), max(1, int(result["attempts"])), result["index"], result["before"]),
    )
    return found.rowcount == 1


def keep_one_file(db: sqlite3.Connection, alone: bool) -> None:
    """Have SQLite keep its log in a file that needs no shared memory, as several machines open the population.

    Args:
        db: The population.
        alone: Back to a log of its own, with which readers never wait.

    Raises:
        sqlite3.OperationalError: Another program has the population open.
    """
    db.execute(f"PRAGMA journal_mode = {'WAL' if alone else 'DELETE'}").fetchone()


def sessions_of(results: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What trained these results, each once."""
    found: dict[str, Mapping[str, Any]] = {}
    for result in results:
        if session := result.get("session"):
            found.setdefault(json.dumps(session, sort_keys=True), session)
    return list(found.values())
