"""A population as it is at one moment, read without a write, a lock or a file beside it: for who only looks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from netwright.errors import PopulationError
from netwright.population.database import FILE, refuse_other
from netwright.population.store import Population

__all__ = ["Mark", "mark_of", "snapshot"]

Mark = tuple[int, ...]

_TRIES = 3
_PATIENCE = 5.0  # seconds that SQLite waits for a file that is being changed in a way that excludes readers


def snapshot(path: str | Path) -> Population:
    """A copy of a population in memory, of all that is committed now.

    Nothing is written: neither to the file nor beside it. Whoever trains the population waits for nothing, for readers
    of such a file hold up nobody, and this one has left it after a copy of its pages.

    Args:
        path: A run folder, or the file itself.

    Raises:
        PopulationError: None is there, or it is damaged, of a newer version, or of another program.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE
    if not path.is_file():
        raise PopulationError(f"there is no population in {path.parent}. `netwright sweep --out FOLDER` makes one.")
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        _copy(path, copy)
        version = copy.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        refuse_other(path, version, tables)
        copy.execute("SELECT count(*) FROM meta").fetchone()
    except sqlite3.Error as error:
        copy.close()
        raise PopulationError(
            f"{path} is not a population that can be read: {str(error).splitlines()[-1]}. Restore it. A file that was "
            "copied while a trial finished is copied whole by `netwright copy`."
        ) from error
    except PopulationError:
        copy.close()
        raise
    return Population(path.parent, copy)


def mark_of(path: Path) -> Mark:
    """What changes when a population does: times and sizes of its file and of SQLite's log; empty where none is."""
    found: list[int] = []
    for each in (path, _log_of(path)):
        try:
            status = each.stat()
        except OSError:
            continue
        found += [status.st_mtime_ns, status.st_size]
    return tuple(found)


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _copy(path: Path, target: sqlite3.Connection) -> None:
    """All pages of the file. Where nobody works on it, it is read as a file that does not change; then it must not."""
    for _ in range(_TRIES):
        before = mark_of(path)
        is_open = _log_of(path).is_file()
        how = "mode=ro" if is_open else "immutable=1"
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=_PATIENCE)) as source:
            source.backup(target)
        if is_open or mark_of(path) == before:
            return
    raise sqlite3.OperationalError("it changed while it was read. Try again")
