"""Which session trained a trial: a column that a population has once anything is recorded; older files lack it."""

from __future__ import annotations

import sqlite3

__all__ = ["COLUMN", "add_session_column", "has_several_sessions", "write_session"]

COLUMN = "session"  # a place in `notes["provenance"]["sessions"]`, from 0


def _has_column(db: sqlite3.Connection, table: str) -> bool:
    return any(row[1] == COLUMN for row in db.execute(f"PRAGMA table_info({table})"))


def add_session_column(db: sqlite3.Connection, table: str = "trials") -> None:
    """Give a file the column; versions that do not know it open the file all the same."""
    if not _has_column(db, table):
        db.execute(f"ALTER TABLE {table} ADD COLUMN {COLUMN} INTEGER")


def write_session(db: sqlite3.Connection, table: str, index: int, session: int) -> None:
    """The trial was trained by that session."""
    add_session_column(db, table)
    db.execute(f"UPDATE {table} SET {COLUMN} = ? WHERE trial = ?", (session, index))


def has_several_sessions(db: sqlite3.Connection, table: str = "trials") -> bool:
    """Whether the file knows of trials that different sessions trained."""
    if not _has_column(db, table):
        return False
    return bool(db.execute(f"SELECT max({COLUMN}) > min({COLUMN}) FROM {table}").fetchone()[0])
