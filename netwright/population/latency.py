"""The column of latencies that a population has where they were measured; files without it open as before."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

__all__ = ["COLUMN", "NOTE", "has_latency", "latency_words", "write_latency"]

COLUMN = "latency_ms"
NOTE = "latency"  # of a population's notes: device, setting, limit, predictor, as text


def has_latency(db: sqlite3.Connection) -> bool:
    """Whether the file has the column."""
    return any(row[1] == COLUMN for row in db.execute("PRAGMA table_info(trials)"))


def write_latency(db: sqlite3.Connection, ms: Mapping[int, float]) -> None:
    """Write milliseconds by trial, in a column that is made where there is none."""
    if not has_latency(db):
        db.execute(f"ALTER TABLE trials ADD COLUMN {COLUMN} REAL")
    db.executemany(f"UPDATE trials SET {COLUMN} = ? WHERE trial = ?", [(value, at) for at, value in ms.items()])


def latency_words(db: sqlite3.Connection) -> str:
    """In what the latencies were measured, and on which device; empty where that is not recorded."""
    row = db.execute("SELECT value FROM meta WHERE key = 'notes'").fetchone()
    known = json.loads(row[0]).get(NOTE, {}) if row else {}
    return f"{known['setting']} on {known['device']}" if {"setting", "device"} <= set(known) else ""
