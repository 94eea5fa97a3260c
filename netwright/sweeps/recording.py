"""Events of an executor -> the population: what is written, whatever happens to the trials and to the disk."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from netwright.errors import OutputError
from netwright.population import Population, Trial, failure_of
from netwright.sweeps.executor import TrialEvent
from netwright.sweeps.patience import patiently

__all__ = ["Recorder"]

_LOG = logging.getLogger("netwright.sweeps.run")  # that a sweep tells it, whichever of its files does

_ATTEMPTS = 2  # a trial whose worker dies twice has failed
_MOST_VANISHED = 10  # and one during which so many machines went away
_RECORD_SECONDS = 60.0  # how old the record of who trains may be


class Recorder:
    """Writes what happens to the trials of one population, which is locked meanwhile.

    Args:
        population: Of the trials.
        title: Of messages.
        session: What trains, and what is known of the images, for the record.
        count: Called with each event: its kind, index and values, and whose fault it is where its trial has failed.
        patience: Seconds that a finished trial waits for room on the disk.
    """

    def __init__(
        self,
        population: Population,
        title: str,
        session: tuple[dict[str, Any], dict[str, Any]],
        count: Callable[[str, int, Mapping[str, Any], str], None],
        patience: float = 60.0,
    ) -> None:
        self._population, self._title, self._session, self._count = population, title, session, count
        self._patience = patience
        counts = population.counts()
        self._before, self._recorded = counts["done"] + counts["failed"], -math.inf
        self._sessions: dict[int, dict[str, Any]] = {}  # trial -> what trains it, where that is not this program
        self._numbers: dict[str, int] = {}  # session -> its place in the population, once it has finished anything
        self._attempts: dict[int, int] = {}
        self._vanished: dict[int, int] = {}  # trial -> machines that went away while they trained it

    def expect(self, trials: Iterable[Trial]) -> None:
        """Trials that will be trained."""
        self._attempts |= {trial.index: trial.attempts for trial in trials}

    def record(self, event: TrialEvent) -> bool:
        """Write an event; whether its trial is to be tried again. Raises OutputError."""
        index, values, population = event.index, event.values, self._population
        again, failure = False, ""
        if event.kind == "began":
            self._attempts[index] += 1
            self._sessions[index] = dict(values.get("session", {}))
            self._write(partial(population.begin, index))
        elif event.kind == "done":
            self._write(partial(population.finish, index, **values, session=self._session_of(index)))
        elif event.kind == "failed":
            failure = values.get("failure") or failure_of(values["reason"])
            self._fail(index, values["reason"], values.get("curve", ()), failure)
        elif event.kind == "pruned":
            self._write(partial(population.prune, index, **values, session=self._session_of(index)))
        elif event.kind == "unsaved":
            raise OutputError(values["reason"])
        elif event.kind == "lost":
            again = self._record_lost(index, values["reason"], bool(values.get("vanished")))
            failure = "" if again else "machine"
        if (event.kind in ("done", "pruned") or failure) and time.monotonic() - self._recorded > _RECORD_SECONDS:
            self._record_sessions()
        self._count(event.kind, index, values, failure)
        return again

    def close(self) -> None:
        """Nothing is trained any more: what was, waits again."""
        with suppress(OutputError):  # resuming does it too
            self._population.requeue()
        self._record_sessions()

    def _write(self, write: Callable[[], Any]) -> None:
        patiently(write, self._patience)

    def _session_of(self, index: int) -> int:
        """The place of what trained a trial, in the population from now on. Raises OutputError."""
        key = json.dumps(self._sessions.get(index, {}), sort_keys=True)
        if key not in self._numbers:
            self._write(partial(self._record_session, key))
        return self._numbers[key]

    def _record_session(self, key: str) -> None:
        session, data = self._session
        self._numbers[key] = self._population.record_session(session | json.loads(key), data, finished=self._before)
        self._recorded = time.monotonic()

    def _record_sessions(self) -> None:
        """Keep until when each trained, where the disk has room."""
        with suppress(OutputError):
            for key in self._numbers:
                self._record_session(key)

    def _record_lost(self, index: int, reason: str, vanished: bool) -> bool:
        self._write(partial(self._population.wait_again, index))
        gone = self._vanished[index] = self._vanished.get(index, 0) + vanished
        if gone < _MOST_VANISHED and (vanished or self._attempts[index] - gone < _ATTEMPTS):
            _LOG.warning("%s: trial %d is tried again: %s", self._title, index, reason)
            return True
        self._fail(index, f"{reason}; {self._attempts[index]} attempts", (), "machine")
        return False

    def _fail(self, index: int, reason: str, curve: Sequence[Mapping[str, Any]], failure: str) -> None:
        session = self._session_of(index)
        self._write(partial(self._population.fail, index, reason, curve, kind=failure, session=session))
        _LOG.warning("%s: trial %d failed: %s", self._title, index, reason)
