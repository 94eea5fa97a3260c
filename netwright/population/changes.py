"""What happens to the trials of a population; each change is one transaction."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from netwright.errors import OutputError
from netwright.population.contents import PopulationContents
from netwright.population.database import add_failure_column, bring_home, disk_errors, transaction
from netwright.population.failure import failure_of
from netwright.population.folding import fold_result, keep_one_file, sessions_of
from netwright.population.latency import NOTE, write_latency
from netwright.population.provenance import session_number, with_session
from netwright.population.reading import failed_trials
from netwright.population.sessions import write_session
from netwright.system.lock import Lock

__all__ = ["PopulationChanges"]


class PopulationChanges(PopulationContents):
    """The trials of an open file, and what is recorded of them."""

    def lock(self) -> Lock:
        """To be held by the one program that works on the population; PopulationError where another one does."""
        return Lock(self.folder)

    def requeue(self) -> int:
        """Let the trials that an ended program left running wait again, as if never begun; returns how many."""
        with self._writing():
            return self._db.execute(
                f"UPDATE {self._table} SET state = 'waiting', attempts = attempts - 1 WHERE state = 'running'"
            ).rowcount

    def retry_failed(self, failure: str = "machine") -> int:
        """Let failed trials wait again; their attempts stay counted.

        Args:
            failure: "machine": those that the machine failed. "all": networks' failures too, which are results. A
                diverged network is trained with the same seed, so on a CPU it diverges again.

        Returns:
            How many wait again.
        """
        indices = [
            (index,) for index, (_, kind) in failed_trials(self._db, self._table).items() if failure in (kind, "all")
        ]
        if indices:
            with self._writing():
                add_failure_column(self._db, self._table)
                self._db.executemany(
                    f"UPDATE {self._table} SET state = 'waiting', reason = NULL, failure = NULL, curve = NULL, "
                    "finished = NULL WHERE trial = ?",
                    indices,
                )
        return len(indices)

    def begin(self, index: int) -> None:
        """The trial is running: one attempt more."""
        with disk_errors(self.folder):
            self._db.execute(
                f"UPDATE {self._table} SET state = 'running', attempts = attempts + 1, started = ? WHERE trial = ?",
                (time.time(), index),
            )

    def wait_again(self, index: int) -> None:
        """The trial's worker died during it: it waits, and the attempt counts."""
        with disk_errors(self.folder):
            self._db.execute(f"UPDATE {self._table} SET state = 'waiting' WHERE trial = ?", (index,))

    def finish(
        self,
        index: int,
        *,
        error: float,
        seconds: float,
        curve: Sequence[Mapping[str, Any]],
        session: int | None = None,
    ) -> None:
        """The trial is done.

        Args:
            index: Of the trial.
            error: Percent, of its last epoch.
            seconds: Of training.
            curve: One record an epoch.
            session: Which one trained it, as `record_session` returned.
        """
        with self._writing():
            add_failure_column(self._db, self._table)
            self._db.execute(
                f"UPDATE {self._table} SET state = 'done', reason = NULL, failure = NULL, error = ?, seconds = ?, "
                "curve = ?, finished = ? WHERE trial = ?",
                (error, seconds, json.dumps(list(curve)), time.time(), index),
            )
            if session is not None:
                write_session(self._db, self._table, index, session)

    def fail(
        self,
        index: int,
        reason: str,
        curve: Sequence[Mapping[str, Any]] = (),
        *,
        kind: str | None = None,
        session: int | None = None,
    ) -> None:
        """The trial failed, and is not tried again unless `retry_failed` says so.

        Args:
            index: Of the trial.
            reason: One line.
            curve: One record for each epoch that was over.
            kind: "network" where the network cannot be trained so, which is a result; "machine" where memory, disk,
                device or time ran out or the worker was killed. None: as the reason says.
            session: Which one trained it, as `record_session` returned.
        """
        with self._writing():
            add_failure_column(self._db, self._table)
            self._db.execute(
                f"UPDATE {self._table} SET state = 'failed', reason = ?, failure = ?, curve = ?, finished = ? "
                "WHERE trial = ?",
                (reason, kind or failure_of(reason), json.dumps(list(curve)), time.time(), index),
            )
            if session is not None:
                write_session(self._db, self._table, index, session)

    def fold(self, results: Mapping[str, Mapping[str, Any]], data: Mapping[str, Any]) -> list[str]:
        """Take over what came of trials elsewhere, all of it or nothing; what is known already stays.

        Args:
            results: Name -> what `netwright.population.folding.fold_result` takes, and session, what trained it.
            data: What is known of the images, for the record.

        Returns:
            Names of those that were new.
        """
        with self._writing():
            add_failure_column(self._db, self._table)
            before = self._db.execute(f"SELECT count(*) FROM {self._table} WHERE finished IS NOT NULL").fetchone()[0]
            new = [name for name, result in results.items() if fold_result(self._db, self._table, result)]
            notes = self.notes
            for session in sessions_of(results[name] for name in new):
                notes = with_session(notes, session, data, finished=before, now=time.time())
            if new:
                self._write_notes(notes)
            for name in new:
                if (number := session_number(notes, results[name].get("session") or {})) is not None:
                    write_session(self._db, self._table, results[name]["index"], number)
        return new

    def share_file(self, shared: bool) -> None:
        """Keep the file so that several machines can open it over a network disk, or again so that readers never wait.

        Raises:
            OutputError: Another program has it open.
        """
        try:
            keep_one_file(self._db, not shared)
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"the population in {self.folder} cannot be shared while another program has it open ({error}). Close "
                "that program, and share again."
            ) from error

    def prune(
        self, index: int, *, reason: str, seconds: float, curve: Sequence[Mapping[str, Any]], session: int | None = None
    ) -> None:
        """The trial was ended early, because others did better by then. It has a curve, and no error.

        Args:
            index: Of the trial.
            reason: One line.
            seconds: Of training.
            curve: One record for each epoch that was over.
            session: Which one trained it, as `record_session` returned.
        """
        with self._writing():
            self._db.execute(
                f"UPDATE {self._table} SET state = 'pruned', reason = ?, seconds = ?, curve = ?, finished = ? "
                "WHERE trial = ?",
                (reason, seconds, json.dumps(list(curve)), time.time(), index),
            )
            if session is not None:
                write_session(self._db, self._table, index, session)

    def record_session(self, session: Mapping[str, Any], data: Mapping[str, Any], *, finished: int) -> int:
        """Keep what trains the population, in `notes["provenance"]`.

        Args:
            session: versions, hardware, devices, threads, command; sessions that differ are told apart.
            data: What is known of the images.
            finished: Number of trials that were done or failed before this session.

        Returns:
            Its place among the sessions.
        """
        with self._writing():
            notes = with_session(self.notes, session, data, finished=finished, now=time.time())
            self._write_notes(notes)
        number = session_number(notes, session)
        assert number is not None, "it was just written"
        return number

    def record_latency(self, ms: Mapping[int, float], facts: Mapping[str, str]) -> None:
        """Keep latencies, in a column `latency_ms` that a population without them lacks.

        Args:
            ms: Index of a trial -> milliseconds of its network.
            facts: device, setting and what else says how they were measured, in `notes["latency"]`.
        """
        with self._writing():
            write_latency(self._db, ms)
            self._write_notes(self.notes | {NOTE: dict(facts)})

    def _write_notes(self, notes: Mapping[str, Any]) -> None:
        self._db.execute("UPDATE meta SET value = ? WHERE key = 'notes'", (json.dumps(notes),))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All statements in it, or none; and then the file alone has them."""
        with disk_errors(self.folder), transaction(self._db):
            yield
        bring_home(self._db)
