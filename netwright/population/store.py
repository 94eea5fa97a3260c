"""A population in one SQLite file: the space, the recipe, and every trial with its state. Nothing is stored elsewhere.

Any process that works on it may die at any moment: each change of a trial is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from netwright.arch import Arch
from netwright.errors import PopulationError
from netwright.population.database import FILE, STATES, disk_errors, make_tables, open_file, remove_draft, transaction
from netwright.population.summary import population_html
from netwright.population.trials import Networks, Trial, insert_trials, trial_seed
from netwright.system.atomic import explain_errors
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

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = connection

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
        folder = Path(folder)
        what, elsewhere = "the population", "another folder"
        with explain_errors(folder, what=what, elsewhere=elsewhere):
            folder.mkdir(parents=True, exist_ok=True)
        path, draft = folder / FILE, folder / f".{FILE}.new"
        meta = {"seed": seed, "identity": identity, "notes": notes or {}, "created": time.time()}
        with Lock(folder):
            if path.exists():
                raise PopulationError(f"{folder} holds a population already. Open it, or choose another folder.")
            remove_draft(draft)
            try:
                with disk_errors(folder), closing(sqlite3.connect(draft, isolation_level=None)) as db:
                    make_tables(db)
                    with transaction(db):
                        db.executemany("INSERT INTO meta VALUES (?, ?)", [(key, json.dumps(meta[key])) for key in meta])
                        insert_trials(db, 0, networks, seed, seeds, labels)
                # the complete file appears at once: a kill before this leaves no half-made population
                with explain_errors(path, what=what, elsewhere=elsewhere):
                    draft.replace(path)
            finally:
                remove_draft(draft)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> Population:
        """The population of a run folder.

        Args:
            folder: The folder, or the file itself. Where nothing can be written, it is opened for reading only.

        Raises:
            PopulationError: None is there, or it is damaged.
            OutputError: The disk prevents reading it.
        """
        path = Path(folder)
        if path.is_dir() or not path.suffix:
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
        lines = difference(_comparable(population.identity), _comparable(json.loads(json.dumps(identity))))
        lines += difference(population.seed, seed, "seed")
        if not lines:
            lines = population._unlike(list(networks), more.get("seeds"), more.get("labels"))
        if lines:
            population.close()
            raise PopulationError(
                f"the population in {folder} was made differently:\n  "
                + "\n  ".join(lines)
                + "\nGive the same as then to resume it, or another folder to start over."
            )
        population.extend(networks, **more)
        return population

    def _unlike(self, archs: list[Arch], seeds: Sequence[int] | None, labels: Sequence[str] | None) -> list[str]:
        """What differs in the first trial that is not as given; empty where none differs."""
        stored = self._db.execute("SELECT arch, seed, label FROM trials ORDER BY trial LIMIT ?", (len(archs),))
        for index, (text, seed, label) in enumerate(stored):
            was = {"network": json.loads(text), "seed": seed, "label": label}
            wanted = {
                "network": archs[index].to_dict(),
                "seed": trial_seed(self.seed, index) if seeds is None else seeds[index],
                "label": "" if labels is None else labels[index],
            }
            if was != wanted:
                return difference(was, wanted, f"trial {index}")
        return []

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
        with disk_errors(self.folder), transaction(self._db):
            insert_trials(self._db, len(self), networks, self.seed, seeds, labels)
            renewed = json.dumps(self.notes | dict(notes or {}))
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'notes'", (renewed,))

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
        return int(self._db.execute("SELECT count(*) FROM trials").fetchone()[0])

    def counts(self) -> dict[str, int]:
        """State -> number of trials, for all states."""
        found = dict(self._db.execute("SELECT state, count(*) FROM trials GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in STATES}

    def trials(self, state: str = "waiting") -> list[Trial]:
        """Those in a state: waiting, running, done or failed."""
        rows = self._db.execute(
            "SELECT trial, arch, seed, attempts, label FROM trials WHERE state = ? ORDER BY trial", (state,)
        )
        return [
            Trial(index, Arch.from_json(arch), seed, attempts, label) for index, arch, seed, attempts, label in rows
        ]

    def errors(self) -> list[float]:
        """Errors in percent of the trials that are done, by index."""
        return [error for (error,) in self._db.execute("SELECT error FROM trials WHERE state = 'done' ORDER BY trial")]

    def frame(self) -> pd.DataFrame:
        """A row for each trial.

        Returns:
            Columns trial, state, reason (of a failure), error (percent), flops, params, acts, seconds, seed, attempts,
            label, one for each parameter drawn, arch (JSON) and curve (one record an epoch).
        """
        import pandas as pd

        names = ("trial", "state", "reason", "error", "flops", "params", "acts", "seconds", "seed", "attempts", "label")
        rows = self._db.execute(f"SELECT {', '.join(names)}, parameters, arch, curve FROM trials ORDER BY trial")
        records = [
            dict(zip(names, row, strict=False))
            | json.loads(row[-3])
            | {"arch": row[-2], "curve": json.loads(row[-1]) if row[-1] else []}
            for row in rows
        ]
        frame = pd.DataFrame.from_records(records, columns=None if records else [*names, "arch", "curve"])
        return frame.astype({"error": float, "seconds": float})

    def _repr_html_(self) -> str:
        return population_html(str(self.folder), self.counts(), self.frame())

    # -- what happens to it ------------------------------------------------------------------------------------

    def lock(self) -> Lock:
        """To be held by the one program that works on the population; PopulationError where another one does."""
        return Lock(self.folder)

    def requeue(self) -> int:
        """Let the trials that an ended program left running wait again, as if never begun; returns how many."""
        with disk_errors(self.folder):
            return self._db.execute(
                "UPDATE trials SET state = 'waiting', attempts = attempts - 1 WHERE state = 'running'"
            ).rowcount

    def begin(self, index: int) -> None:
        """The trial is running: one attempt more."""
        with disk_errors(self.folder):
            self._db.execute(
                "UPDATE trials SET state = 'running', attempts = attempts + 1, started = ? WHERE trial = ?",
                (time.time(), index),
            )

    def wait_again(self, index: int) -> None:
        """The trial's worker died during it: it waits, and the attempt counts."""
        with disk_errors(self.folder):
            self._db.execute("UPDATE trials SET state = 'waiting' WHERE trial = ?", (index,))

    def finish(self, index: int, *, error: float, seconds: float, curve: Sequence[Mapping[str, Any]]) -> None:
        """The trial is done.

        Args:
            index: Of the trial.
            error: Percent, of its last epoch.
            seconds: Of training.
            curve: One record an epoch.
        """
        with disk_errors(self.folder):
            self._db.execute(
                "UPDATE trials SET state = 'done', reason = NULL, error = ?, seconds = ?, curve = ?, finished = ? "
                "WHERE trial = ?",
                (error, seconds, json.dumps(list(curve)), time.time(), index),
            )

    def fail(self, index: int, reason: str, curve: Sequence[Mapping[str, Any]] = ()) -> None:
        """The trial failed; `reason` is kept, and the trial is not tried again."""
        with disk_errors(self.folder):
            self._db.execute(
                "UPDATE trials SET state = 'failed', reason = ?, curve = ?, finished = ? WHERE trial = ?",
                (reason, json.dumps(list(curve)), time.time(), index),
            )


def _comparable(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Without the line of text about the space, on which no result depends."""
    space = identity.get("space")
    if not isinstance(space, Mapping):
        return dict(identity)
    return dict(identity) | {"space": {key: value for key, value in space.items() if key != "summary"}}
