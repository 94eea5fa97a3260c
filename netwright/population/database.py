"""The SQLite file of a population: its tables, how it is opened, and messages for its errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netwright.errors import OutputError, PopulationError
from netwright.population.failure import FAILURES

__all__ = [
    "FILE",
    "STATES",
    "add_failure_column",
    "bring_home",
    "disk_errors",
    "has_extra_column",
    "has_failure_column",
    "make_tables",
    "open_file",
    "refuse_other",
    "remove_draft",
    "transaction",
]

FILE = "population.sqlite"
STATES = ("waiting", "running", "done", "failed", "pruned")
_FORMAT = 1
_FAILURE = f"failure TEXT CHECK (failure IN {FAILURES})"

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials (
    trial INTEGER PRIMARY KEY,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN {states}),
    reason TEXT,               -- why it failed
    {failure}, -- whose fault that is; files of version 0.1 lack the column, so NULL is possible
    error REAL,                -- percent, top-1, of the last epoch
    flops INTEGER{known}, params INTEGER{known}, acts INTEGER{known},
    seconds REAL,              -- of training, on one worker
    seed INTEGER{known},
    attempts INTEGER NOT NULL DEFAULT 0, -- trainings begun, less those that the end of a program interrupted
    parameters TEXT NOT NULL,  -- json: what was drawn
    arch TEXT{known},          -- json: the network
    {extra}curve TEXT,                -- json: one record an epoch
    label TEXT NOT NULL DEFAULT '',
    started REAL, finished REAL -- seconds since 1970
);
"""


def make_tables(db: sqlite3.Connection, *, imported: bool = False) -> None:
    """The tables of a new population. imported: networks, costs and seeds may be unknown, and there is more to keep."""
    db.execute("PRAGMA journal_mode = WAL")  # stays with the file
    extra = "extra TEXT, -- json: what else the table had that it was imported from\n    "
    parts = {"known": "", "extra": extra} if imported else {"known": " NOT NULL", "extra": ""}
    db.executescript(_SCHEMA.format(states=STATES, failure=_FAILURE, **parts))
    db.execute(f"PRAGMA user_version = {_FORMAT}")


def open_file(path: Path) -> sqlite3.Connection:
    """A connection to the file.

    Raises:
        PopulationError: The file is damaged, of a newer version, or of another program.
        OutputError: The disk prevents reading it.
    """
    try:
        db = _connect(path)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        fault = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if fault != "ok":
            db.close()
            raise sqlite3.DatabaseError(fault)
    except sqlite3.OperationalError as error:
        raise OutputError(
            f"{path} cannot be opened: {error}. Free some space, or copy the folder to where it can be written."
        ) from error
    except sqlite3.DatabaseError as error:
        raise PopulationError(
            f"{path} is not a population that can be read: {str(error).splitlines()[-1]}. Restore it, or start over in "
            "another folder. A file that was copied while a trial finished is copied whole by `netwright copy`."
        ) from error
    try:
        refuse_other(path, version, tables)
    except PopulationError:
        db.close()
        raise
    return db


def refuse_other(path: Path, version: int, tables: Collection[str]) -> None:
    """PopulationError where a file is of a newer version, or of another program."""
    if version > _FORMAT:
        raise PopulationError(f"{path} has format {version}; this version reads up to {_FORMAT}. Update netwright.")
    if version < 1 or not {"meta", "trials"} <= set(tables):
        raise PopulationError(f"{path} is a database of another program, not a population. Choose another folder.")


def _connect(path: Path) -> sqlite3.Connection:
    """For reading only, where nothing can be written beside the file (a full or read-only disk)."""
    db = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        log = path.with_name(f"{path.name}-wal")
        if log.is_file() and log.stat().st_size:  # part of the truth is in there
            raise
        return sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True, isolation_level=None)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def has_failure_column(db: sqlite3.Connection, table: str = "trials") -> bool:
    """Whether the file has the column `failure`; those of version 0.1 do not."""
    return any(row[1] == "failure" for row in db.execute(f"PRAGMA table_info({table})"))


def has_extra_column(db: sqlite3.Connection) -> bool:
    """Whether the file has the column `extra`: it is of an imported population."""
    return any(row[1] == "extra" for row in db.execute("PRAGMA table_info(trials)"))


def add_failure_column(db: sqlite3.Connection, table: str = "trials") -> None:
    """Give a file of version 0.1 the column `failure`; that version still opens it then."""
    if not has_failure_column(db, table):
        db.execute(f"ALTER TABLE {table} ADD COLUMN {_FAILURE}")


def bring_home(db: sqlite3.Connection) -> None:
    """Move what is committed from SQLite's log into the file itself, so that a copy of the one file has it.

    It waits for nobody: what a reader still needs as it was stays in the log until the next time.
    """
    with suppress(sqlite3.OperationalError):  # a full disk: the log has it, which is as safe
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All statements in it, or none."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:  # SQLite itself rolls back on a full disk
            db.execute("ROLLBACK")


def remove_draft(draft: Path) -> None:
    """Delete a population that is not complete, with SQLite's own files beside it."""
    for path in draft.parent.glob(f"{draft.name}*"):
        path.unlink(missing_ok=True)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """SQLite's errors of a disk that is full or read-only -> OutputError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OutputError(
            f"the population in {folder} cannot be written: {error}. Every finished trial is kept; free some space or "
            "choose another folder, and the same command continues."
        ) from error
