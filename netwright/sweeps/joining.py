"""Take part in a sweep that is shared in a folder: train what nobody trains, until all trials are finished."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from netwright.data import ImageSet
from netwright.errors import DataError, OutputError, PopulationError, RecipeError
from netwright.population import Population, failure_of
from netwright.sweeps.executor import Executor, TrialEvent, TrialSpec
from netwright.sweeps.feeding import feed
from netwright.sweeps.leases import Heart, SilenceMeter
from netwright.sweeps.local import LocalExecutor
from netwright.sweeps.patience import patiently
from netwright.sweeps.pausing import PAUSED, STOPPED, state_of, watched
from netwright.sweeps.progress import NullProgress
from netwright.sweeps.session import session_facts
from netwright.sweeps.shared import Claim, SharedSweep
from netwright.sweeps.sharing import fold
from netwright.sweeps.workers import default_workers

__all__ = ["join_sweep"]

_LOG = logging.getLogger(__name__)

_ATTEMPTS = 2  # a trial whose worker process dies twice on one machine has failed
_MOST_TAKEN = 10  # and one during which so many machines went away
_FOLD_SECONDS = 10.0  # between two times that results are taken into the population
_LOOK_SECONDS = 5.0  # between two looks for a trial whose worker is gone, at most


def join_sweep(
    folder: str | Path,
    *,
    workers: int | None = None,
    device: str = "auto",
    command: str = "",
    progress: NullProgress | None = None,
    executor: Executor | None = None,
) -> dict[str, int]:
    """Train trials of the sweep that is shared in a run folder, beside other processes and machines that do.

        netwright.join_sweep("/shared/runs/photos")

    It ends when all trials are finished. It may be ended at any moment: what was being trained goes to another worker.

    Args:
        folder: The run folder, on a disk that all machines have.
        workers: Trials at a time here; by default one for each processor or accelerator.
        device: "auto", "cpu", "cuda", "cuda:1", ...
        command: What was typed, for the record.
        progress: Shows how far the sweep is.
        executor: Instead of local workers; it has the images, and its own workers and devices. Its caller closes it.

    Returns:
        State of a trial -> number of trials, as the population knows them now.

    Raises:
        DataError: The images are not where they were.
        OutputError: The folder cannot be written.
        PopulationError: No sweep is shared there, or it was stopped, or no worker can be started.
        RecipeError: No such device, or fewer than one worker.
    """
    if workers is not None and workers < 1:
        raise RecipeError(f"workers is at least 1, not {workers}. Leave it out to use every processor.")
    shared = SharedSweep(folder)
    facts = _facts(shared)
    manifest = shared.run / facts["images"]
    images = ImageSet.open(manifest)
    if images.fingerprint != facts["data"]["fingerprint"]:
        raise DataError(f"{manifest} has other images than the sweep began with. Share the sweep into another folder.")
    devices = _devices(device)
    threads = int(facts["threads"])
    engine = executor or LocalExecutor(
        manifest, workers=workers or default_workers(threads, devices), threads=threads, devices=devices
    )
    session = session_facts(threads, devices, command, facts["splits"])
    with Population.open(folder) as population, engine if executor is None else nullcontext(engine):
        member = _Member(shared, facts, population, session, progress or NullProgress())
        member.work(engine)
        return population.counts()


def _facts(shared: SharedSweep) -> dict[str, Any]:
    """Of the sweep. PopulationError where there is none to join."""
    if not shared.is_there:
        with Population.open(shared.run) as population:
            counts, notes = population.counts(), population.notes
        left = counts["waiting"] + counts["running"]
        if not left:
            raise PopulationError(f"all trials of {shared.run} are finished. To add some, share it with more --trials.")
        again = notes.get("command") or f"netwright sweep SPACE --out {shared.run}"
        raise PopulationError(
            f"{shared.run} is not shared, so nobody can join. Share its {left} trials: {again} --shared"
        )
    if state_of(shared.run) == STOPPED:
        raise PopulationError(f"the sweep was stopped. `netwright sweep --resume {shared.run}` lets it go on.")
    return shared.facts()


def _devices(device: str) -> tuple[str, ...]:
    if device == "cpu":
        return ("cpu",)  # without torch, which takes seconds to import
    from netwright.training import devices, resolve_device

    return devices() if device == "auto" else (str(resolve_device(device)),)


class _Member:
    """This process, among those that train the sweep."""

    def __init__(
        self,
        shared: SharedSweep,
        facts: Mapping[str, Any],
        population: Population,
        session: Mapping[str, Any],
        progress: NullProgress,
    ) -> None:
        self._shared, self._population, self._session, self._progress = shared, population, session, progress
        self._title, self._epochs = str(facts["title"]), int(facts["epochs"])
        lease = float(facts["lease"])
        self._look = min(_LOOK_SECONDS, lease / 4)
        self._heart = Heart(shared.folder / "workers", lease)
        self._gone = SilenceMeter(shared.folder / "workers", lease)
        self._claims: dict[int, Claim] = {}
        self._running: dict[int, int] = {}  # trial -> epochs that are over
        self._begun: dict[int, float] = {}
        self._attempts: dict[int, int] = {}
        self._failed, self._folded, self._told = 0, time.monotonic(), False

    def work(self, engine: Executor) -> None:
        """Until all is finished, or the sweep is stopped. Raises KeyboardInterrupt then."""
        total = len(self._shared.trials())
        self._progress.start(self._title, total - len(self._shared.open_keys()), total)
        with self._heart, watched(self._shared.run, engine.wake, self._look):
            while True:
                feed(engine, self._take, self._record)
                self._fold(final=True)
                if state_of(self._shared.run) == STOPPED:
                    raise KeyboardInterrupt
                if not self._shared.is_there or not self._shared.open_keys():
                    return
                time.sleep(self._look)

    def _take(self) -> TrialSpec | None:
        state = state_of(self._shared.run)
        if state == STOPPED and self._claims:
            raise KeyboardInterrupt
        if state in (PAUSED, STOPPED):
            return None
        while (claim := self._claimed()) is not None:
            if claim.times <= _MOST_TAKEN:
                self._claims[claim.trial.index] = claim
                self._attempts[claim.trial.index] = 0
                return claim.trial
            reason = f"the worker was killed with its machine, or vanished, {claim.times - 1} times"
            self._finish(claim, {"kind": "failed", "reason": reason, "failure": "machine"}, 0)
        return None

    def _claimed(self) -> Claim | None:
        try:
            return self._shared.take_next(self._heart.name, self._gone)
        except FileNotFoundError:  # the sweep is over
            return None
        except OSError as error:
            raise OutputError(
                f"{self._shared.folder} cannot be written: {error}. Free some space, and join again."
            ) from error

    def _record(self, event: TrialEvent) -> bool:
        """Keep what came of a trial; whether it is to be tried again."""
        index, values = event.index, event.values
        claim = self._claims[index]
        if event.kind == "began":
            self._begun[index], self._running[index] = time.time(), 0
            self._attempts[index] += 1
        elif event.kind == "epoch":
            self._running[index] = int(values["epoch"])
        elif event.kind == "unsaved":
            raise OutputError(values["reason"])
        elif event.kind == "lost" and self._attempts[index] < _ATTEMPTS:
            _LOG.warning("%s: trial %d is tried again: %s", self._title, index, values["reason"])
            return True
        elif event.kind in ("done", "failed", "lost"):
            self._end(claim, event)
        self._show()
        return False

    def _end(self, claim: Claim, event: TrialEvent) -> None:
        values = dict(event.values) | {"kind": event.kind}
        if event.kind == "lost":
            reason = f"{values['reason']}; {self._attempts[event.index]} attempts"
            values = {"kind": "failed", "reason": reason, "failure": "machine"}
        if values["kind"] == "failed":
            self._failed += 1
            values.setdefault("failure", failure_of(values["reason"]))
            _LOG.warning("%s: trial %d failed: %s", self._title, event.index, values["reason"])
        self._finish(claim, values, self._attempts[event.index])
        del self._claims[event.index]
        self._running.pop(event.index, None)
        if time.monotonic() - self._folded > _FOLD_SECONDS:
            self._fold()

    def _finish(self, claim: Claim, values: Mapping[str, Any], attempts: int) -> None:
        """attempts: made here."""
        index, now = claim.trial.index, time.time()
        result = dict(values) | {
            "index": index,
            "before": int(claim.key.partition("-")[2]),
            "attempts": claim.times - 1 + attempts,
            "started": self._begun.get(index, now),
            "finished": now,
            "worker": self._heart.name,
            "session": self._session,
        }
        written: list[bool] = []
        patiently(lambda: written.append(self._shared.write_result(claim.key, result)))
        if not written[-1]:
            _LOG.info("%s: trial %d was finished by another worker first, with the same seed", self._title, index)

    def _fold(self, *, final: bool = False) -> None:
        """Take what is finished into the population, unless another worker does so at this moment."""
        try:
            with self._population.lock():
                if self._shared.is_there:
                    fold(self._shared, self._population)
            self._folded = time.monotonic()
        except PopulationError:
            self._folded = time.monotonic()
        except OutputError as error:
            if final and not self._told:
                self._told = True
                _LOG.warning("%s: results stay in %s for now: %s", self._title, self._shared.folder / "results", error)

    def _show(self) -> None:
        trials = self._shared.trials()
        finished = len(trials) - len(self._shared.open_keys())
        own = sum(self._running.values()) / max(1, self._epochs)
        self._progress.update(finished + own, finished - self._failed, self._failed, None, None)
