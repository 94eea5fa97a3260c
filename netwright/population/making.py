"""The file of a new population, which appears at once and whole."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from netwright.errors import PopulationError
from netwright.population.database import FILE, disk_errors, make_tables, remove_draft, transaction
from netwright.system.atomic import explain_errors
from netwright.system.lock import Lock

__all__ = ["make_file", "refuse_taken"]


def refuse_taken(folder: Path) -> None:
    """PopulationError where the folder has a population."""
    if (folder / FILE).exists():
        raise PopulationError(f"{folder} holds a population already. Open it, or choose another folder.")


def make_file(
    folder: Path, meta: Mapping[str, Any], fill: Callable[[sqlite3.Connection], None], *, imported: bool = False
) -> None:
    """Write a population into a folder.

    Args:
        folder: Made where it is not there.
        meta: seed, identity and notes, as JSON can hold them.
        fill: Inserts the trials.
        imported: Whether of a trial the network may be unknown, see `make_tables`.

    Raises:
        OutputError: The folder cannot be written.
        PopulationError: It has a population already.
    """
    what, elsewhere = "the population", "another folder"
    with explain_errors(folder, what=what, elsewhere=elsewhere):
        folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / FILE, folder / f".{FILE}.new"
    rows = [(key, json.dumps(value)) for key, value in (dict(meta) | {"created": time.time()}).items()]
    with Lock(folder):
        refuse_taken(folder)
        remove_draft(draft)
        try:
            with disk_errors(folder), closing(sqlite3.connect(draft, isolation_level=None)) as db:
                make_tables(db, imported=imported)
                with transaction(db):
                    db.executemany("INSERT INTO meta VALUES (?, ?)", rows)
                    fill(db)
            # the complete file appears at once: a kill before this leaves no half-made population
            with explain_errors(path, what=what, elsewhere=elsewhere):
                draft.replace(path)
        finally:
            remove_draft(draft)
