"""Run the waiting trials of a population."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from netwright.arch.last_map import last_map, refuse_single_image
from netwright.data import ImageSet
from netwright.errors import OutputError, PopulationError, RecipeError
from netwright.population import Population, Trial, failure_of
from netwright.recipe import Recipe, drawn_recipe
from netwright.stats.outcomes import WORST
from netwright.sweeps.executor import Executor, TrialEvent, TrialSpec
from netwright.sweeps.local import LocalExecutor
from netwright.sweeps.progress import NullProgress
from netwright.sweeps.session import data_facts, session_facts
from netwright.system.machine import processors

__all__ = ["default_workers", "retried", "run"]

_LOG = logging.getLogger(__name__)

_ATTEMPTS = 2  # a trial whose worker dies twice has failed
_RECORD_SECONDS = 60.0  # how old the record of who trains may be
_DISK_PATIENCE = 60.0  # seconds that a finished trial waits for room on the disk


def default_workers(threads: int, devices: tuple[str, ...]) -> int:
    """As many workers of `threads` threads as there are processors; one for each accelerator."""
    if devices != ("cpu",):
        return len(devices)
    return max(1, processors() // threads)


def run(
    population: Population,
    images: ImageSet,
    recipe: Recipe,
    *,
    title: str = "sweep",
    workers: int | None = None,
    threads: int = 1,
    devices: tuple[str, ...] = ("cpu",),
    split: str = "validation",
    weights: Callable[[Trial], Path | None] = lambda trial: None,
    trial_timeout: float | None = None,
    retry_failed: bool | str = False,
    command: str = "",
    progress: NullProgress | None = None,
    executor: Executor | None = None,
) -> None:
    """Train every waiting trial; each one is on disk as soon as it is finished.

    A trial that raises, diverges, runs out of memory or has no result in time is recorded as failed. One whose worker
    dies is tried once more; after that the machine failed it. After any interruption (an exception, Ctrl-C) finished
    trials stay, and those that ran wait again.

    Args:
        population: Its waiting trials are trained.
        images: Saved on disk (`load_images(..., cache=...)`), so that workers share them.
        recipe: Resolved: nothing is "auto".
        title: Of progress and messages.
        workers: Trials at a time; results do not depend on it. None is a worker for each processor or accelerator.
        threads: Of each worker. Results depend on it: sums are rounded differently, and training amplifies that to what
            another seed would do.
        devices: "cpu", "cuda:0", ...; workers get them in turn.
        split: "validation" or "test", see `TrialSpec`.
        weights: Trial -> where its trained weights are written, or None.
        trial_timeout: Seconds from the beginning of a trial until it is ended, and its worker replaced: the machine
            failed it. It is not tried again by itself. None is no limit.
        retry_failed: Train failed trials again: True or "machine" those that the machine failed, "all" those whose
            network failed too. Their attempts stay counted, and a worker that dies again ends them at once.
        command: What was typed, for the record.
        progress: How far the sweep is shown on it.
        executor: Instead of local workers. Its caller closes it, so several sweeps can share its workers; it has these
            images, and its own workers, threads and devices.

    Raises:
        OutputError: The disk stays full, or weights cannot be written.
        PopulationError: Another program works on the population, or no worker can be started.
        RecipeError: Fewer than one worker or thread, no time, another word than these for what to retry, or batches of
            one image, from which batch norm at maps of 1x1 cannot learn.
    """
    path = _checked_path(images, threads, workers, trial_timeout)
    kinds = retried(retry_failed)
    with population.lock():
        population.requeue()
        if kinds and (count := population.retry_failed(kinds)):
            _LOG.info("%s: %d failed %s trained again", title, count, "trial is" if count == 1 else "trials are")
        waiting = population.trials("waiting")
        meter = _Meter(population, progress or NullProgress(), title, recipe.epochs)
        if not waiting:
            return
        if min(int(recipe.batch_size), len(images.train)) == 1:
            for trial in waiting:
                if last_map(trial.arch) == 1:
                    refuse_single_image(trial.arch, len(images.train), int(recipe.batch_size))
        session = session_facts(threads, devices, command, images.provenance), data_facts(images)
        sweep = _Sweep(population, title, meter, session)
        sweep.add(waiting, recipe, split, weights, trial_timeout)
        workers = workers or default_workers(threads, devices)
        engine = executor or LocalExecutor(path, workers=workers, threads=threads, devices=devices)
        with engine if executor is None else nullcontext(engine):
            sweep.train(engine)


def retried(retry_failed: bool | str) -> str:
    """Which failures are trained again: "", "machine" or "all". RecipeError for another word."""
    kinds = {False: "", True: "machine", "": "", "machine": "machine", "all": "all"}
    if retry_failed not in kinds:
        raise RecipeError(f"retry_failed is true, false, 'machine' or 'all', not {retry_failed!r}. Correct it.")
    return kinds[retry_failed]


def _checked_path(images: ImageSet, threads: int, workers: int | None, trial_timeout: float | None) -> Path:
    """Where the images are. PopulationError where they are not on disk, RecipeError for a count that cannot be."""
    if images.path is None:
        raise PopulationError(
            "the images of a sweep are on disk, so that workers share them. Give load_images a cache."
        )
    for name, count in (("threads", threads), ("workers", 1 if workers is None else workers)):
        if count < 1:
            raise RecipeError(f"{name} is at least 1, not {count}. Leave it out to use every processor.")
    if trial_timeout is not None and not trial_timeout > 0:
        raise RecipeError(f"trial_timeout is a number of seconds above 0, not {trial_timeout}. Leave it out for none.")
    return images.path


class _Sweep:
    """Events of an executor -> the population."""

    def __init__(
        self, population: Population, title: str, meter: _Meter, session: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        self._population, self._title, self._meter, self._session = population, title, meter, session
        counts = population.counts()
        self._before, self._finished, self._recorded = counts["done"] + counts["failed"], 0, -math.inf
        self.specs: dict[int, TrialSpec] = {}
        self._attempts: dict[int, int] = {}

    def add(
        self,
        trials: list[Trial],
        recipe: Recipe,
        split: str,
        weights: Callable[[Trial], Path | None],
        timeout: float | None,
    ) -> None:
        """The trials to train."""
        names = self._population.recipe_parameters
        for trial in trials:
            drawn = {name: trial.parameters[name] for name in names if name in trial.parameters}
            path = weights(trial)
            self._attempts[trial.index] = trial.attempts
            self.specs[trial.index] = TrialSpec(
                trial.index,
                trial.arch.to_dict(),
                drawn_recipe(recipe, drawn).to_dict(),
                trial.seed,
                split,
                None if path is None else str(path),
                timeout,
            )

    def train(self, engine: Executor) -> None:
        """All of them. Raises OutputError, PopulationError."""
        try:
            for event in engine.run(self.specs.values()):
                if self.record(event):
                    engine.retry(self.specs[event.index])
        finally:
            with suppress(OutputError):  # resuming does it too
                self._population.requeue()
            self._record_session()

    def record(self, event: TrialEvent) -> bool:
        """Write an event; whether its trial is to be tried again. Raises OutputError."""
        index, values, population = event.index, event.values, self._population
        again, failure = False, ""
        if event.kind == "began":
            self._attempts[index] += 1
            _patiently(partial(population.begin, index))
        elif event.kind == "done":
            _patiently(partial(population.finish, index, **values))
        elif event.kind == "failed":
            failure = values.get("failure") or failure_of(values["reason"])
            self._fail(index, values["reason"], values.get("curve", ()), failure)
        elif event.kind == "unsaved":
            raise OutputError(values["reason"])
        elif event.kind == "lost":
            again = self._record_lost(index, values["reason"])
            failure = "" if again else "machine"
        if event.kind == "done" or failure:
            self._finished += 1
            if time.monotonic() - self._recorded > _RECORD_SECONDS:
                self._record_session()
        self._meter.count(event.kind, index, values, failure)
        return again

    def _record_session(self) -> None:
        """Keep what trained, and until when, where any trial is finished and the disk has room."""
        with suppress(OutputError):
            if self._finished:
                self._population.record_session(*self._session, finished=self._before)
                self._recorded = time.monotonic()

    def _record_lost(self, index: int, reason: str) -> bool:
        _patiently(partial(self._population.wait_again, index))
        if self._attempts[index] < _ATTEMPTS:
            _LOG.warning("%s: trial %d is tried again: %s", self._title, index, reason)
            return True
        self._fail(index, f"{reason}; {self._attempts[index]} attempts", (), "machine")
        return False

    def _fail(self, index: int, reason: str, curve: Sequence[Mapping[str, Any]], failure: str) -> None:
        _patiently(partial(self._population.fail, index, reason, curve, kind=failure))
        _LOG.warning("%s: trial %d failed: %s", self._title, index, reason)


def _patiently(write: Callable[[], Any]) -> None:
    """Write; while the disk is full, keep what was computed and try again, for a minute."""
    began = time.monotonic()
    while True:
        try:
            write()
            return
        except OutputError as error:
            if time.monotonic() - began > _DISK_PATIENCE:
                raise
            _LOG.warning("%s Trying again for %.0f seconds.", error, _DISK_PATIENCE)
            time.sleep(min(5.0, _DISK_PATIENCE / 10))


class _Meter:
    """What progress shows, counted from events."""

    def __init__(self, population: Population, progress: NullProgress, title: str, epochs: int) -> None:
        self._progress, self._epochs = progress, epochs
        self._errors = population.errors()
        failures = population.failures()
        self._failed = {failure: sum(reasons.values()) for failure, reasons in failures.items()}
        self._running: dict[int, int] = {}  # trial -> epochs that are over
        progress.start(title, len(self._errors) + sum(self._failed.values()), len(population))

    def count(self, kind: str, index: int, values: Mapping[str, Any], failure: str) -> None:
        """failure: of a trial that has failed with this event."""
        if kind == "epoch":
            self._running[index] = int(values["epoch"])
        else:
            self._running.pop(index, None)
            if kind == "done":
                self._errors.append(float(values["error"]))
            if failure:
                self._failed[failure] += 1
        finished, failed = len(self._errors), sum(self._failed.values())
        results = [*self._errors, *[WORST] * self._failed["network"]]
        self._progress.update(
            finished + failed + min(sum(self._running.values()) / self._epochs, len(self._running)),
            finished,
            failed,
            min(self._errors, default=None),
            sum(results) / len(results) if results and self._errors else None,
        )
