"""What there is to show: populations, tables and trainings in the folders that the studio was given.

An entry has an id, which addresses have. Ids are looked up among what was found, and never made into paths, so that no
address reaches a file that was not found.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from netwright.population import FILE
from netwright.studio.errors import StudioError

__all__ = ["DROPPED", "TABLES", "Entries", "Entry"]

DROPPED = "dropped/"  # what ids of files begin with that were dropped onto the page
TABLES = (".csv", ".parquet", ".jsonl", ".sqlite", ".sqlite3", ".db")
_TRAINING, _VALIDATION = "metrics.jsonl", "metrics.json"
_SKIPPED = {"cache", "figures", "tensorboard", "weights", "state", "held_out", "picks"}
_DEEPEST = 6
_MOST_FOLDERS = 20_000
_FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to show.

    Attributes:
        id: Its place below the folder that was given, with slashes; unlike all others.
        path: The population's file, the table, or the metrics of a training or validation.
        kind: "population", "table", "training" or "validation".
    """

    id: str
    path: Path
    kind: str

    @property
    def folder(self) -> Path:
        return self.path.parent


class Entries:
    """Finds entries; again after a second, for sweeps begin and end."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = tuple(roots)
        self._lock = threading.Lock()
        self._dropped: dict[str, Entry] = {}
        self._found: dict[str, Entry] = {}
        self._looked = -_FRESH_SECONDS

    def all(self, *, fresh: bool = False) -> dict[str, Entry]:
        """Id -> entry. fresh: look now."""
        with self._lock:
            if fresh or time.monotonic() - self._looked >= _FRESH_SECONDS:
                self._found = dict(self._dropped)
                for root in self.roots:
                    for entry in _below(root, len(self.roots) > 1):
                        self._found.setdefault(entry.id, entry)
                self._looked = time.monotonic()
            return self._found

    def get(self, id: str, *kinds: str) -> Entry:
        """The entry. StudioError where there is none of that id and kind."""
        entry = self.all().get(id) or self.all(fresh=True).get(id)
        if entry is None or (kinds and entry.kind not in kinds):
            raise StudioError(404, f"there is nothing of that name to show: {id[:200]!r}. The list has what there is.")
        return entry

    def drop(self, path: Path) -> Entry:
        """Add a file that was dropped onto the page."""
        entry = Entry(f"{DROPPED}{path.name}", path, "population" if path.name == FILE else "table")
        with self._lock:
            self._dropped[entry.id] = entry
            self._looked = -_FRESH_SECONDS
        return entry

    def forget(self, id: str) -> None:
        """Take a dropped file off the list again."""
        with self._lock:
            self._dropped.pop(id, None)
            self._looked = -_FRESH_SECONDS

    def home(self) -> Path | None:
        """The folder that new runs go to; None where only runs and tables were named."""
        return next((root for root in self.roots if root.is_dir() and not _own(root, set(os.listdir(root)))), None)


def _below(root: Path, is_one_of_many: bool) -> Iterator[Entry]:
    if root.is_file():
        yield Entry(root.name, root, "population" if root.name == FILE else "table")
        return
    for folder, names, files in islice(os.walk(root), _MOST_FOLDERS):
        place = Path(folder)
        relative = place.relative_to(root)
        names[:] = sorted(
            name
            for name in names
            if not name.startswith(".") and name not in _SKIPPED and len(relative.parts) < _DEEPEST
        )
        id = relative.as_posix()
        id = root.name if id == "." else f"{root.name}/{id}" if is_one_of_many else id
        for file, kind in _own(place, set(files)):
            yield Entry(id, place / file, kind)
            break


def _own(folder: Path, files: set[str]) -> list[tuple[str, str]]:
    """The file of a run folder and its kind: a population first."""
    found = [(FILE, "population")] if FILE in files else []
    found += [(_TRAINING, "training")] if _TRAINING in files and "training.yaml" in files else []
    found += [(_VALIDATION, "validation")] if {_VALIDATION, "per_class.csv"} <= files else []
    return found
