"""A population in one SQLite file: the space, the recipe, and every trial with its state. It is the only truth.

Any process that works on it may die at any moment: a trial is finished when its row says so, in one transaction.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from netwright.arch import Arch, ArchBatch, complexity
from netwright.errors import PopulationError
from netwright.population.database import FILE, STATES, make_tables, open_file, plain_errors, remove_draft, transaction
from netwright.population.summary import population_html
from netwright.system.atomic import explain_errors
from netwright.system.diff import difference
from netwright.system.lock import Lock

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Population", "Trial", "trial_seed"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A network to be trained: its place in the population, its own seed, its attempts (`requeue` says which count)."""

    index: int
    arch: Arch
    seed: int
    attempts: int = 0
    label: str = ""


def trial_seed(seed: int, index: int) -> int:
    """A trial's seed: from the population's seed and its index alone, so that workers and order do not matter."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


class Population:
    """Trials on disk. `create` or `open` it; `frame()` gives a row a trial. Close it, or use it in a with statement."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = connection

    # -- making and opening ------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: str | Path,
        *,
        networks: ArchBatch | Sequence[Arch],
        seed: int,
        identity: Mapping[str, Any],
        notes: Mapping[str, Any] | None = None,
        seeds: Sequence[int] | None = None,
        labels: Sequence[str] | None = None,
    ) -> Population:
        """A new population of these networks, all waiting.

        identity: what the results depend on (space, recipe, data, ...), plain values; whoever resumes must have the
        same. notes: what is worth keeping besides (the sampling account, ...). seeds: instead of those that follow
        from `seed` and the index. Raises OutputError when the folder cannot be written, PopulationError when it has
        a population already.
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
                with plain_errors(folder), closing(sqlite3.connect(draft, isolation_level=None)) as db:
                    make_tables(db)
                    with transaction(db):
                        db.executemany("INSERT INTO meta VALUES (?, ?)", [(key, json.dumps(meta[key])) for key in meta])
                        _insert(db, 0, list(networks), _parameters(networks), seed, seeds, labels)
                # the complete file appears at once: a kill before this leaves no half-made population
                with explain_errors(path, what=what, elsewhere=elsewhere):
                    draft.replace(path)
            finally:
                remove_draft(draft)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> Population:
        """The population of a run folder (or the file itself), where nothing can be written for reading only.

        Raises PopulationError where none is, or a damaged one; OutputError where the disk prevents it.
        """
        path = Path(folder)
        if path.is_dir() or not path.suffix:
            path = path / FILE
        if not path.is_file():
            raise PopulationError(f"there is no population in {path.parent}. `netwright sweep --out FOLDER` makes one.")
        return cls(path.parent, open_file(path))

    @classmethod
    def open_or_create(
        cls,
        folder: str | Path,
        *,
        networks: ArchBatch | Sequence[Arch],
        seed: int,
        identity: Mapping[str, Any],
        notes: Mapping[str, Any] | None = None,
        seeds: Sequence[int] | None = None,
        labels: Sequence[str] | None = None,
    ) -> Population:
        """Resume the population of the folder, or create it.

        A population made with another identity, seed or networks is refused with the difference. One with fewer
        networks than given is extended: the same seed draws the same networks first.
        """
        if not (Path(folder) / FILE).exists():
            return cls.create(
                folder, networks=networks, seed=seed, identity=identity, notes=notes, seeds=seeds, labels=labels
            )
        population = cls.open(folder)
        lines = difference(population.identity, json.loads(json.dumps(identity)))
        lines += difference(population.seed, seed, "seed")
        if not lines:
            lines = population._unlike(list(networks), seeds, labels)
        if lines:
            population.close()
            raise PopulationError(
                f"the population in {folder} was made differently:\n  "
                + "\n  ".join(lines)
                + "\nGive the same as then to resume it, or another folder to start anew."
            )
        population.extend(networks, labels=labels, seeds=seeds, notes=notes)
        return population

    def _unlike(self, archs: list[Arch], seeds: Sequence[int] | None, labels: Sequence[str] | None) -> list[str]:
        """How the first trial that differs from the one wanted there does so; empty where none does."""
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
        networks: ArchBatch | Sequence[Arch],
        *,
        seeds: Sequence[int] | None = None,
        labels: Sequence[str] | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """Add those of the networks that are beyond the trials there are; their first ones are the trials there are.

        notes: in place of those of the same name, where any network is added.
        """
        if len(networks) <= len(self):
            return
        with plain_errors(self.folder), transaction(self._db):
            _insert(self._db, len(self), list(networks), _parameters(networks), self.seed, seeds, labels)
            renewed = json.dumps(self.notes | dict(notes or {}))
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'notes'", (renewed,))

    def close(self) -> None:
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
        return int(self._meta("seed"))

    @property
    def identity(self) -> dict[str, Any]:
        """What the results depend on: space, recipe, data."""
        return dict(self._meta("identity"))

    @property
    def notes(self) -> dict[str, Any]:
        return dict(self._meta("notes"))

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM trials").fetchone()[0])

    def counts(self) -> dict[str, int]:
        """State -> number of trials, for all states."""
        found = dict(self._db.execute("SELECT state, count(*) FROM trials GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in STATES}

    def trials(self, state: str = "waiting") -> list[Trial]:
        rows = self._db.execute(
            "SELECT trial, arch, seed, attempts, label FROM trials WHERE state = ? ORDER BY trial", (state,)
        )
        return [
            Trial(index, Arch.from_json(arch), seed, attempts, label) for index, arch, seed, attempts, label in rows
        ]

    def errors(self) -> list[float]:
        """Percent, of the trials that are done."""
        return [error for (error,) in self._db.execute("SELECT error FROM trials WHERE state = 'done' ORDER BY trial")]

    def frame(self) -> pd.DataFrame:
        """A data frame, a row a trial: trial, state, reason, error (percent), flops, params, acts, seconds, seed,
        attempts, label, one column for each parameter drawn, arch (JSON) and curve (one record an epoch)."""
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
        """Held by the one program that works on the population; PopulationError where another one does."""
        return Lock(self.folder)

    def requeue(self) -> int:
        """Let the trials that a program left running when it ended wait again, as if never begun; how many."""
        with plain_errors(self.folder):
            return self._db.execute(
                "UPDATE trials SET state = 'waiting', attempts = attempts - 1 WHERE state = 'running'"
            ).rowcount

    def begin(self, index: int) -> None:
        with plain_errors(self.folder):
            self._db.execute(
                "UPDATE trials SET state = 'running', attempts = attempts + 1, started = ? WHERE trial = ?",
                (time.time(), index),
            )

    def wait_again(self, index: int) -> None:
        """The trial's worker died under it: an attempt that counts."""
        with plain_errors(self.folder):
            self._db.execute("UPDATE trials SET state = 'waiting' WHERE trial = ?", (index,))

    def finish(self, index: int, *, error: float, seconds: float, curve: Sequence[Mapping[str, Any]]) -> None:
        """The trial is done. error: percent, of its last epoch."""
        with plain_errors(self.folder):
            self._db.execute(
                "UPDATE trials SET state = 'done', reason = NULL, error = ?, seconds = ?, curve = ?, finished = ? "
                "WHERE trial = ?",
                (error, seconds, json.dumps(list(curve)), time.time(), index),
            )

    def fail(self, index: int, reason: str, curve: Sequence[Mapping[str, Any]] = ()) -> None:
        """The trial failed, and counts as that."""
        with plain_errors(self.folder):
            self._db.execute(
                "UPDATE trials SET state = 'failed', reason = ?, curve = ?, finished = ? WHERE trial = ?",
                (reason, json.dumps(list(curve)), time.time(), index),
            )


def _parameters(networks: ArchBatch | Sequence[Arch]) -> list[dict[str, float]]:
    """What was drawn for each network; whole numbers as such."""
    columns = networks.parameters if isinstance(networks, ArchBatch) else {}
    rows: list[dict[str, float]] = [{} for _ in range(len(networks))]
    for name, values in columns.items():
        for row, value in zip(rows, np.asarray(values, np.float64), strict=True):
            row[name] = int(value) if float(value).is_integer() else float(value)
    return rows


def _insert(
    db: sqlite3.Connection,
    start: int,
    archs: list[Arch],
    parameters: list[dict[str, float]],
    seed: int,
    seeds: Sequence[int] | None,
    labels: Sequence[str] | None,
) -> None:
    rows = []
    for index in range(start, len(archs)):
        cost = complexity(archs[index])
        rows.append(
            (
                index,
                *(int(column[0]) for column in (cost.flops, cost.params, cost.acts)),
                trial_seed(seed, index) if seeds is None else seeds[index],
                json.dumps(parameters[index]),
                archs[index].to_json(),
                "" if labels is None else labels[index],
            )
        )
    db.executemany(
        "INSERT INTO trials (trial, flops, params, acts, seed, parameters, arch, label) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
