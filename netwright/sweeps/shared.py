"""A sweep that many machines train from one folder: trials, who has taken them, and what came of them, as files.

    DIR/join/sweep.json        what all trials have in common; it is written last
    DIR/join/trials/1.jsonl    trials to train, a line each; 2.jsonl has those that were added later
    DIR/join/claims/12-0.1     trial 12 is taken, for the first time; who takes it over makes 12-0.2
    DIR/join/workers/NAME      changes as long as that worker lives
    DIR/join/results/12-0      what came of it, whole
    DIR/join/folded/12-0       the same, once the population has it

A trial's key is its index and the attempts that it had before: one that is retried later is another key.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netwright.errors import PopulationError
from netwright.sweeps.executor import TrialSpec
from netwright.sweeps.leases import SilenceMeter, take
from netwright.system.atomic import explain_errors, write_bytes, write_text

__all__ = ["Claim", "SharedSweep"]

_FORMAT = 1
_FOLDERS = ("trials", "claims", "workers", "results", "folded")
_ELSEWHERE = "another folder"


@dataclass(frozen=True, slots=True)
class Claim:
    """A trial that this worker has taken.

    Attributes:
        key: Of the trial.
        times: How often it was taken, this time included.
        trial: To train.
    """

    key: str
    times: int
    trial: TrialSpec


class SharedSweep:
    """The files of a shared sweep.

    Attributes:
        run: The run folder.
        folder: Of these files, in it.
    """

    def __init__(self, run: str | Path) -> None:
        self.run = Path(run)
        self.folder = self.run / "join"
        self._read: set[str] = set()
        self._trials: dict[str, TrialSpec] = {}

    # -- what is to be trained ---------------------------------------------------------------------------------

    @property
    def is_there(self) -> bool:
        """Whether the folder has a shared sweep, trials of which are not in the population yet."""
        return self._facts_file.is_file()

    @property
    def _facts_file(self) -> Path:
        return self.folder / "sweep.json"

    def facts(self) -> dict[str, Any]:
        """What all trials have in common: title, epochs, threads, lease, images.

        Raises:
            PopulationError: No sweep is shared in the folder, or by a newer version.
        """
        try:
            known = dict(json.loads(self._facts_file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise PopulationError(
                f"no sweep is shared in {self.run}. `netwright sweep SPACE --out {self.run} --shared` shares one."
            ) from error
        if known.get("format") != _FORMAT:
            raise PopulationError(
                f"the sweep in {self.run} was shared by another version (format {known.get('format')}, here "
                f"{_FORMAT}). Use the same version on all machines."
            )
        return known

    def offer(self, facts: Mapping[str, Any], trials: Iterable[tuple[str, TrialSpec]]) -> int:
        """Share trials, beside those that are shared already. The population is locked meanwhile.

        Args:
            facts: What all have in common.
            trials: (key, trial); those that are there already are left out.

        Returns:
            How many are new.

        Raises:
            OutputError: The folder cannot be written.
        """
        known = self.trials()
        new = [(key, trial) for key, trial in trials if key not in known]
        with explain_errors(self.folder, what="the shared sweep", elsewhere=_ELSEWHERE):
            for name in _FOLDERS:
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        if new:
            lines = [json.dumps({"key": key} | asdict(trial)) for key, trial in new]
            path = self.folder / "trials" / f"{1 + len(self._read)}.jsonl"
            write_text(path, "\n".join(lines) + "\n", what="the trials of the sweep", elsewhere=_ELSEWHERE)
        text = json.dumps({"format": _FORMAT} | dict(facts), indent=1) + "\n"
        write_text(self._facts_file, text, what="the shared sweep", elsewhere=_ELSEWHERE)
        return len(new)

    def trials(self) -> dict[str, TrialSpec]:
        """Key -> trial, of all that were ever shared here, in order."""
        names = sorted(set(_names(self.folder / "trials")) - self._read, key=lambda name: int(Path(name).stem))
        for name in names:
            for line in (self.folder / "trials" / name).read_text(encoding="utf-8").splitlines():
                values = json.loads(line)
                key = values.pop("key")
                self._trials[key] = TrialSpec(**values)
            self._read.add(name)
        return self._trials

    # -- who trains it -----------------------------------------------------------------------------------------

    def open_keys(self) -> list[str]:
        """Keys of the trials without a result, in order."""
        # in this order: a result is moved from the first to the second
        finished = set(_names(self.folder / "results")) | set(_names(self.folder / "folded"))
        return [key for key in self.trials() if key not in finished]

    def claims(self) -> dict[str, int]:
        """Key -> how often the trial was taken."""
        found: dict[str, int] = {}
        for name in _names(self.folder / "claims"):
            key, _, times = name.rpartition(".")
            found[key] = max(found.get(key, 0), int(times))
        return found

    def take_next(self, worker: str, gone: SilenceMeter) -> Claim | None:
        """Take the first trial that nobody has, or whose worker is gone; None where there is none now.

        Args:
            worker: Who takes it.
            gone: Knows who is.

        Raises:
            OSError: The folder cannot be written, or is gone.
        """
        claims = self.claims()
        for key in self.open_keys():
            times = claims.get(key, 0)
            if times and not gone.is_gone(f"{key}.{times}", self._holder(key, times)):
                continue
            if times and self._is_finished(key):  # by a worker that has left since
                continue
            if take(self.folder / "claims" / f"{key}.{times + 1}", worker):
                return Claim(key, times + 1, self._trials[key])
        return None

    def _holder(self, key: str, times: int) -> str:
        try:
            return (self.folder / "claims" / f"{key}.{times}").read_text(encoding="utf-8")
        except OSError:
            return ""

    def _is_finished(self, key: str) -> bool:
        return any((self.folder / name / key).exists() for name in ("results", "folded"))

    # -- what came of it ---------------------------------------------------------------------------------------

    def write_result(self, key: str, result: Mapping[str, Any]) -> bool:
        """Keep what came of a trial; False where another worker was quicker, or the sweep is over.

        Raises:
            OutputError: The folder cannot be written.
        """
        if self._is_finished(key) or not self.is_there:
            return False
        content = json.dumps(dict(result)).encode()
        write_bytes(self.folder / "results" / key, content, what="the result of a trial", elsewhere=_ELSEWHERE)
        return True

    def results(self) -> dict[str, dict[str, Any]]:
        """Key -> what came of the trial, of those that the population does not have yet."""
        found = {}
        for key in _names(self.folder / "results"):
            with suppress(OSError, ValueError):
                found[key] = dict(json.loads((self.folder / "results" / key).read_text(encoding="utf-8")))
        return found

    def mark_folded(self, keys: Iterable[str]) -> None:
        """The population has these results."""
        for key in keys:
            with suppress(OSError):  # the next one does it
                os.replace(self.folder / "results" / key, self.folder / "folded" / key)

    def remove(self) -> None:
        """All results are in the population."""
        with suppress(OSError):
            self._facts_file.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)


def _names(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    except FileNotFoundError:
        return []
