"""A population in one SQLite file: the space, the recipe, and every trial with its state. Nothing is stored elsewhere.

Any process that works on it may die at any moment: each change of a trial is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from netwright.arch import Arch
from netwright.errors import PopulationError
from netwright.population.copying import copy_file
from netwright.population.database import (
    FILE,
    STATES,
    add_failure_column,
    bring_home,
    disk_errors,
    open_file,
    transaction,
)
from netwright.population.failure import failure_of
from netwright.population.imported import ImportedTrial, insert_imported
from netwright.population.latency import NOTE, write_latency
from netwright.population.making import make_file
from netwright.population.provenance import with_session
from netwright.population.reading import failed_trials, parameter_names, trial_frame
from netwright.population.repeats import REPEATS, add_repeats, has_repeats
from netwright.population.resume import unlike_identity, unlike_trials
from netwright.population.studies import STUDY, write_study
from netwright.population.summary import population_html
from netwright.population.tables import TABLES, write_table
from netwright.population.trials import Networks, Trial, insert_trials
from netwright.system.diff import difference
from netwright.system.lock import Lock

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["More", "Population"]


class More(TypedDict, total=False):
    """What else `Population.open_or_create` takes."""

    notes: Mapping[str, Any] | None
    seeds: Sequence[int] | None
    labels: Sequence[str] | None


class Population:
    """Trials on disk: `create` or `open` it. Close it, or use it in a with statement.

    Attributes:
        folder: Where its file is.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection, table: str = "trials") -> None:
        """table: of the file, with the trials; see `repeats`."""
        self.folder = folder
        self._db = connection
        self._table = table

    # -- making and opening ------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: str | Path,
        *,
        networks: Networks,
        seed: int,
        identity: Mapping[str, Any],
        notes: Mapping[str, Any] | None = None,
        seeds: Sequence[int] | None = None,
        labels: Sequence[str] | None = None,
    ) -> Population:
        """A new population, all of whose trials wait.

        Args:
            folder: Where its file is written; made where it is not there.
            networks: One for each trial, in order.
            seed: Of the population, 0 or more.
            identity: What the results depend on (space, recipe, data, ...), as JSON can hold it; the same is needed to
                resume the population.
            notes: What else is worth keeping (rejection counts of the sample, the command, ...), as JSON can hold it.
            seeds: Of the trials, instead of those that follow from `seed` and the index.
            labels: Of the trials.

        Raises:
            OutputError: The folder cannot be written.
            PopulationError: It has a population already.
        """
        meta = {"seed": seed, "identity": identity, "notes": notes or {}}
        make_file(Path(folder), meta, lambda db: insert_trials(db, 0, networks, seed, seeds, labels))
        return cls.open(folder)

    @classmethod
    def create_imported(
        cls,
        folder: str | Path,
        *,
        trials: Sequence[ImportedTrial],
        identity: Mapping[str, Any],
        notes: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> Population:
        """A new population of trials that others trained; `netwright.import_population` makes them from a table.

        Args:
            folder: Where its file is written; made where it is not there.
            trials: With what is known of them; networks, costs and seeds may be missing.
            identity: As for `create`.
            notes: Likewise; "import" says where the trials are from.
            seed: Of the population, where the trials are of one of ours.

        Raises:
            OutputError: The folder cannot be written.
            PopulationError: It has a population already.
        """
        meta = {"seed": seed, "identity": identity, "notes": notes or {}}
        make_file(Path(folder), meta, lambda db: insert_imported(db, trials), imported=True)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> Population:
        """The population of a run folder.

        Args:
            folder: The folder, or the file itself, whatever its name and place. Where nothing can be written, it is
                opened for reading only.

        Raises:
            PopulationError: None is there, or it is damaged.
            OutputError: The disk prevents reading it.
        """
        path = Path(folder)
        if path.is_dir() or (not path.suffix and not path.is_file()):
            path = path / FILE
        if not path.is_file():
            raise PopulationError(f"there is no population in {path.parent}. `netwright sweep --out FOLDER` makes one.")
        return cls(path.parent, open_file(path))

    @classmethod
    def open_or_create(
        cls, folder: str | Path, *, networks: Networks, seed: int, identity: Mapping[str, Any], **more: Unpack[More]
    ) -> Population:
        """Resume the population of the folder, or create it.

        A population with fewer networks than given is extended: the same seed draws the same networks first.

        Args:
            folder: Where its file is, or is written.
            networks: As for `create`; seed and identity likewise.
            **more: notes, seeds and labels, as for `create`.

        Raises:
            OutputError: The folder cannot be read or written.
            PopulationError: Its population has another identity, seed or networks; the message has the difference.
        """
        if not (Path(folder) / FILE).exists():
            return cls.create(folder, networks=networks, seed=seed, identity=identity, **more)
        population = cls.open(folder)
        lines = unlike_identity(population.identity, identity) + difference(population.seed, seed, "seed")
        if not lines:
            lines = unlike_trials(population._db, list(networks), seed, more.get("seeds"), more.get("labels"))
        if lines:
            population.close()
            raise PopulationError(
                f"the population in {folder} was made differently:\n  "
                + "\n  ".join(lines)
                + "\nGive the same as then to resume it, or another folder to start over."
            )
        population.extend(networks, **more)
        return population

    def extend(
        self,
        networks: Networks,
        *,
        seeds: Sequence[int] | None = None,
        labels: Sequence[str] | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """Add trials.

        Args:
            networks: Of all trials, the existing ones first; nothing is added where there are no more of them.
            seeds: Of all trials, instead of those that follow from the population's seed and the index.
            labels: Of all trials.
            notes: They replace those of the same name, where any network is added.

        Raises:
            OutputError: The disk is full or read-only.
        """
        if len(networks) <= len(self):
            return
        with self._writing():
            insert_trials(self._db, len(self), networks, self.seed, seeds, labels)
            self._write_notes(self.notes | dict(notes or {}))

    def repeats(self) -> Population | None:
        """The repeats of its trials, as a population of their own; None where there are none.

        A repeat is a training of a trial's network with another seed. It is no trial: `frame`, `errors` and every
        statistic of the population count each network once. Both are in one file, and closing one closes the other.

        Returns:
            Its `frame()` has two more columns: network, the trial whose network it is, and repeat, from 1 on.
        """
        return Population(self.folder, self._db, REPEATS) if has_repeats(self._db) else None

    def repeat(self, seeds: int, networks: int | None = None) -> Population:
        """Let networks be trained with more seeds, each of which follows from the population's, trial and repeat.

        Args:
            seeds: Of each of these networks, with the trial's own; repeats that are there already stay.
            networks: How many, the first ones of the population, which are as random as any; None is all.

        Returns:
            The repeats, as `repeats` does; new ones wait.

        Raises:
            OutputError: The disk is full or read-only.
            PopulationError: Fewer than 2 seeds, or no network.
        """
        if seeds < 2 or (networks is not None and networks < 1):
            raise PopulationError(
                f"a repeat needs 2 seeds or more of at least 1 network, not {seeds} of "
                f"{'all' if networks is None else networks}. Give more."
            )
        with self._writing():
            add_repeats(self._db, self.seed, seeds, networks)
        return Population(self.folder, self._db, REPEATS)

    def copy_to(self, target: str | Path) -> Path:
        """Copy all that is committed now into a file, while others may write to the population.

        Args:
            target: A file that ends in .sqlite, .sqlite3 or .db, or a folder, for a population; a file that ends in
                .csv, .parquet or .jsonl for a table with a row for each trial; sqlite:///FILE, also with #STUDY, for
                a study of Optuna. The copy is whole or not there.

        Returns:
            The new file. `open` opens a population, and `netwright.import_population` makes one of the others.

        Raises:
            PopulationError: Something is there already.
            OutputError: It cannot be written, or for a study of Optuna, this is not installed.
        """
        if str(target).startswith(STUDY):
            return write_study(self.frame(), str(target), parameter_names(self._db), self._facts())
        if Path(target).suffix.lower() in TABLES:
            return write_table(self.frame(), Path(target), self._facts())
        return copy_file(self._db, target)

    def _facts(self) -> dict[str, Any]:
        """What is no trial."""
        return {"seed": self.seed, "identity": self.identity, "notes": self.notes}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # -- what it is --------------------------------------------------------------------------------------------

    def _meta(self, key: str) -> Any:
        return json.loads(self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])

    @property
    def seed(self) -> int:
        """From which the trials' seeds follow."""
        return int(self._meta("seed"))

    @property
    def identity(self) -> dict[str, Any]:
        """What the results depend on: space, recipe, data, ..."""
        return dict(self._meta("identity"))

    @property
    def notes(self) -> dict[str, Any]:
        """What else was worth keeping: rejection counts of the sample (`account`), the command, ..."""
        return dict(self._meta("notes"))

    def __len__(self) -> int:
        return int(self._db.execute(f"SELECT count(*) FROM {self._table}").fetchone()[0])

    def counts(self) -> dict[str, int]:
        """State -> number of trials, for all states."""
        found = dict(self._db.execute(f"SELECT state, count(*) FROM {self._table} GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in STATES}

    def trials(self, state: str = "waiting") -> list[Trial]:
        """Those in a state: waiting, running, done or failed.

        Raises:
            PopulationError: One has no network, as where it was imported from a table without them.
        """
        rows = self._db.execute(
            f"SELECT trial, arch, seed, attempts, label, parameters FROM {self._table} WHERE state = ? ORDER BY trial",
            (state,),
        )
        found = []
        for index, arch, seed, attempts, label, drawn in rows:
            if not arch:
                raise PopulationError(
                    f"trial {index} of {self.folder} has no network: it was imported from a table without any. It can "
                    "be analyzed, and not trained: sweep a space into another folder."
                )
            found.append(Trial(index, Arch.from_json(arch), seed or 0, attempts, label, json.loads(drawn)))
        return found

    @property
    def recipe_parameters(self) -> tuple[str, ...]:
        """Which of the parameters are options of the trials' recipe."""
        space = self.identity.get("space") or {}
        return tuple(space.get("recipe", ()))

    def failures(self) -> dict[str, dict[str, int]]:
        """Whose fault, "network" and "machine" -> reason -> number of failed trials, the most frequent first."""
        found: dict[str, dict[str, int]] = {"network": {}, "machine": {}}
        for reason, failure in failed_trials(self._db, self._table).values():
            found[failure][reason] = found[failure].get(reason, 0) + 1
        return {failure: dict(sorted(reasons.items(), key=lambda each: -each[1])) for failure, reasons in found.items()}

    def errors(self) -> list[float]:
        """Errors in percent of the trials that are done, by index."""
        rows = self._db.execute(f"SELECT error FROM {self._table} WHERE state = 'done' ORDER BY trial")
        return [error for (error,) in rows]

    def frame(self) -> pd.DataFrame:
        """A row for each trial.

        Returns:
            Columns trial, state, reason and failure (of a failed trial: why, and whose fault that is, "network" or
            "machine"), error (percent), flops, params, acts, seconds, seed, attempts, label, one for each parameter
            drawn, e_fit (of the network's widths, computed), arch (JSON) and curve (one record an epoch); after acts
            latency_ms, where latencies were measured.
        """
        return trial_frame(self._db, self._table)

    def _repr_html_(self) -> str:
        return population_html(str(self.folder), self.counts(), self.frame())

    # -- what happens to it ------------------------------------------------------------------------------------

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

    def finish(self, index: int, *, error: float, seconds: float, curve: Sequence[Mapping[str, Any]]) -> None:
        """The trial is done.

        Args:
            index: Of the trial.
            error: Percent, of its last epoch.
            seconds: Of training.
            curve: One record an epoch.
        """
        with self._writing():
            add_failure_column(self._db, self._table)
            self._db.execute(
                f"UPDATE {self._table} SET state = 'done', reason = NULL, failure = NULL, error = ?, seconds = ?, "
                "curve = ?, finished = ? WHERE trial = ?",
                (error, seconds, json.dumps(list(curve)), time.time(), index),
            )

    def fail(
        self, index: int, reason: str, curve: Sequence[Mapping[str, Any]] = (), *, kind: str | None = None
    ) -> None:
        """The trial failed, and is not tried again unless `retry_failed` says so.

        Args:
            index: Of the trial.
            reason: One line.
            curve: One record for each epoch that was over.
            kind: "network" where the network cannot be trained so, which is a result; "machine" where memory, disk,
                device or time ran out or the worker was killed. None: as the reason says.
        """
        with self._writing():
            add_failure_column(self._db, self._table)
            self._db.execute(
                f"UPDATE {self._table} SET state = 'failed', reason = ?, failure = ?, curve = ?, finished = ? "
                "WHERE trial = ?",
                (reason, kind or failure_of(reason), json.dumps(list(curve)), time.time(), index),
            )

    def record_session(self, session: Mapping[str, Any], data: Mapping[str, Any], *, finished: int) -> None:
        """Keep what trains the population, in `notes["provenance"]`.

        Args:
            session: versions, hardware, devices, threads, command; sessions that differ are told apart.
            data: What is known of the images.
            finished: Number of trials that were done or failed before this session.
        """
        with self._writing():
            self._write_notes(with_session(self.notes, session, data, finished=finished, now=time.time()))

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
