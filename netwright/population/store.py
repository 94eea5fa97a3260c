"""A population in one SQLite file: the space, the recipe, and every trial with its state. Nothing is stored elsewhere.

Any process that works on it may die at any moment: each change of a trial is one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from netwright.errors import PopulationError
from netwright.population.changes import PopulationChanges
from netwright.population.copying import copy_file
from netwright.population.database import (
    FILE,
    open_file,
)
from netwright.population.imported import ImportedTrial, insert_imported
from netwright.population.making import make_file
from netwright.population.reading import parameter_names
from netwright.population.repeats import REPEATS, add_repeats, has_repeats, with_repeats
from netwright.population.resume import unlike_identity, unlike_trials
from netwright.population.studies import STUDY, write_study
from netwright.population.tables import TABLES, write_table
from netwright.population.trials import Networks, insert_trials
from netwright.system.diff import difference

__all__ = ["More", "Population"]


class More(TypedDict, total=False):
    """What else `Population.open_or_create` takes."""

    notes: Mapping[str, Any] | None
    seeds: Sequence[int] | None
    labels: Sequence[str] | None


class Population(PopulationChanges):
    """Trials on disk: `create` or `open` it. Close it, or use it in a with statement.

    Attributes:
        folder: Where its file is.
    """

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
        repeats = self.repeats()
        frame = self.frame() if repeats is None else with_repeats(self.frame(), repeats.frame())
        if str(target).startswith(STUDY):
            return write_study(frame, str(target), parameter_names(self._db), self._facts())
        if Path(target).suffix.lower() in TABLES:
            return write_table(frame, Path(target), self._facts())
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
