"""Populations that were read, kept until their file changes: the pages of one population ask for it often."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from netwright.analysis.reading import read, view_of
from netwright.errors import NetwrightError, PopulationError
from netwright.population import Population, mark_of, snapshot
from netwright.population.snapshot import Mark
from netwright.report import PopulationView
from netwright.studio.entries import Entries, Entry
from netwright.studio.errors import StudioError

__all__ = ["KINDS", "Opened", "Populations"]

_LOG = logging.getLogger(__name__)

KINDS = ("population", "table")
_DATABASES = (".sqlite", ".sqlite3", ".db")
_MOST_KEPT = 24
_MOST_FITTED = 1000  # trials of which e_fit is computed: it takes 3 ms each


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A population that was read.

    Attributes:
        entry: Where it is.
        mark: Of the file then.
        view: As a report takes it, without curves and e_fit; its name is that of the entry.
        space: Name of its space, or what a table is called.
        population: The snapshot, None of a table.
    """

    entry: Entry
    mark: Mark
    view: PopulationView
    space: str
    population: Population | None

    def whole(self) -> PopulationView:
        """With curves, and with e_fit of not too many networks."""
        if self.population is None:
            return self.view
        light = len(self.view.frame) > _MOST_FITTED
        return replace(view_of(self.population, light=light), name=self.view.name)


class Populations:
    """Opens entries, and keeps the latest."""

    def __init__(self, entries: Entries) -> None:
        self.entries = entries
        self._kept: OrderedDict[str, Opened] = OrderedDict()
        self._lock = threading.Lock()
        self._reading: dict[str, threading.Lock] = {}

    def open(self, id: str) -> Opened:
        """The population of that id, as it is now.

        Raises:
            StudioError: There is none, or it cannot be read; with the reason.
        """
        entry = self.entries.get(id, *KINDS)
        with self._lock:
            own = self._reading.setdefault(id, threading.Lock())
        with own:  # who asks for the same one meanwhile waits for this reading
            mark = mark_of(entry.path)
            with self._lock:
                kept = self._kept.get(id)
                if kept is not None and kept.mark == mark:
                    self._kept.move_to_end(id)
                    return kept
            try:
                opened = _opened(entry, mark)
            except NetwrightError as error:
                raise StudioError(422, str(error)) from error
            except Exception as error:  # a file of anybody's: whatever is in it, the others are shown
                _LOG.info("%s cannot be read", entry.path, exc_info=error)
                why = f"{entry.path.name} of {id} holds something else than a population does"
                raise StudioError(
                    422, f"{why} ({type(error).__name__}: {error}). Make it again, or leave it out."
                ) from error
            with self._lock:
                self._kept[id] = opened
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            return opened

    def views(self, ids: Sequence[str]) -> list[Opened]:
        """Several, each once."""
        return [self.open(id) for id in dict.fromkeys(ids)]


def _opened(entry: Entry, mark: Mark) -> Opened:
    if entry.kind == "population":
        return _of_population(entry, mark)
    try:
        if entry.path.suffix.lower() in _DATABASES:
            return _of_population(entry, mark)
    except PopulationError as error:
        try:
            return _of_table(entry, mark)
        except NetwrightError:
            raise error from None
    return _of_table(entry, mark)


def _of_population(entry: Entry, mark: Mark) -> Opened:
    population = snapshot(entry.path)
    view = view_of(population, entry.id, light=True)
    return Opened(entry, mark, replace(view, name=entry.id), view.name, population)


def _of_table(entry: Entry, mark: Mark) -> Opened:
    view = read(entry.path)
    return Opened(entry, mark, replace(view, name=entry.id), view.name, None)
