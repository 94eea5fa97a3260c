"""What a population's file holds, read; nothing is written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch import Arch
from netwright.errors import PopulationError
from netwright.population.database import STATES
from netwright.population.reading import failed_trials, trial_frame
from netwright.population.summary import population_html
from netwright.population.trials import Trial
from netwright.stats.outcomes import WORST

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PopulationContents"]

_MOST_SHOWN = 20_000  # trials that a notebook's page is made from


class PopulationContents:
    """The trials of an open file.

    Attributes:
        folder: Where the file is.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection, table: str = "trials") -> None:
        """table: of the file, with the trials; see `repeats`."""
        self.folder = folder
        self._db = connection
        self._table = table

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read in it is of one moment, whatever others write meanwhile; nobody waits for it."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

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
        """State -> number of trials, for all states; pruned only where there are any."""
        found = dict(self._db.execute(f"SELECT state, count(*) FROM {self._table} GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in STATES if state != "pruned" or state in found}

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
        members = [each["space"] for each in space.get("union", ())] or [space]
        return tuple(dict.fromkeys(name for member in members for name in member.get("recipe", ())))

    def failures(self) -> dict[str, dict[str, int]]:
        """Whose fault, "network" and "machine" -> reason -> number of failed trials, the most frequent first."""
        found: dict[str, dict[str, int]] = {"network": {}, "machine": {}}
        for reason, failure in failed_trials(self._db, self._table).values():
            found[failure][reason] = found[failure].get(reason, 0) + 1
        return {failure: dict(sorted(reasons.items(), key=lambda each: -each[1])) for failure, reasons in found.items()}

    def curve_text(self, trial: int) -> str:
        """The epochs of a trial as JSON, one record each; empty where it has none."""
        row = self._db.execute(f"SELECT curve FROM {self._table} WHERE trial = ?", (trial,)).fetchone()
        return (row[0] or "") if row else ""

    def errors(self) -> list[float]:
        """Errors in percent of the trials that are done, by index."""
        rows = self._db.execute(f"SELECT error FROM {self._table} WHERE state = 'done' ORDER BY trial")
        return [error for (error,) in rows]

    def results_in_order(self) -> list[float]:
        """Errors in percent in the order of trials, up to the first unfinished one: what a test at many looks takes.

        A network that failed is an error of 100; trials that the machine failed are left out, for nothing is known.
        """
        failed = failed_trials(self._db, self._table)
        found = []
        for index, state, error in self._db.execute(f"SELECT trial, state, error FROM {self._table} ORDER BY trial"):
            if state in ("waiting", "running"):
                break
            if state == "done":
                found.append(float(error))
            elif failed[index][1] == "network":
                found.append(WORST)
        return found

    def frame(self, most: int | None = None, seed: int = 0, *, light: bool = False) -> pd.DataFrame:
        """A row for each trial.

        Args:
            most: Of a larger population so many trials, drawn at random, in their order: a table of a million networks
                takes several GiB. None is all.
            seed: Of that draw.
            light: Without what takes most of the time: e_fit is NaN, and curves are empty.

        Returns:
            Columns trial, state, reason and failure (of a failed trial: why, and whose fault that is, "network" or
            "machine"), error (percent), flops, params, acts, seconds, seed, attempts, label, one for each parameter
            drawn, e_fit (of the network's widths, computed), arch (JSON) and curve (one record an epoch); after acts
            latency_ms, where latencies were measured; after label session, where several trained the population: a
            place in `notes["provenance"]["sessions"]`, which tells software, processor, devices and threads.
        """
        return trial_frame(self._db, self._table, most, seed, light=light)

    def _repr_html_(self) -> str:
        return population_html(str(self.folder), self.counts(), self.frame(most=_MOST_SHOWN))
