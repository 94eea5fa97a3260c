"""A population as a file of its own, copied whole while others write to it."""

from __future__ import annotations

import glob
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from netwright.errors import OutputError, PopulationError
from netwright.population.database import FILE
from netwright.system.atomic import explain_errors, partial_of, remove_abandoned, sync

__all__ = ["copy_file", "is_population"]

_SUFFIXES = (".sqlite", ".sqlite3", ".db")
_HEADER = b"SQLite format 3\0"


def is_population(path: str | Path) -> bool:
    """A run folder, or a file of SQLite whatever its name: what `Population.open` takes."""
    path = Path(path)
    if path.is_dir():
        return (path / FILE).is_file()
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


def copy_file(db: sqlite3.Connection, target: str | Path) -> Path:
    """All that is committed now, as a file; it is whole or not there.

    Args:
        db: A connection to the population.
        target: A file that ends in .sqlite, .sqlite3 or .db, or a folder.

    Returns:
        The file.

    Raises:
        PopulationError: Something is there already.
        OutputError: It cannot be written.
    """
    path = Path(target)
    if path.is_dir() or path.suffix.lower() not in _SUFFIXES:
        path = path / FILE
    taken = PopulationError(f"{path} is there already, and a copy replaces nothing. Choose another target.")
    if os.path.lexists(path):
        raise taken
    draft = partial_of(path)
    with explain_errors(path, what="the copy of the population", elsewhere="another target"):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(path)
        try:
            _write(db, draft, path)
            sync(draft)
            try:
                _take_place(draft, path)
            except FileExistsError:
                raise taken from None
            sync(path.parent)
        finally:
            for each in path.parent.glob(f"{glob.escape(draft.name)}*"):
                each.unlink(missing_ok=True)
    return path


def _write(db: sqlite3.Connection, draft: Path, path: Path) -> None:
    try:
        db.execute("VACUUM INTO ?", (str(draft),))
        with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode = WAL")  # as the original: it may be resumed
    except sqlite3.OperationalError as error:
        raise OutputError(
            f"the copy of the population cannot be written to {path}: {error}. Free some space, or choose another "
            "target."
        ) from error


def _take_place(draft: Path, path: Path) -> None:
    """The draft at `path`, where nothing is: FileExistsError otherwise."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        draft.replace(path)
