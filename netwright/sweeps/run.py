"""Run the waiting trials of a population."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from netwright.data import ImageSet
from netwright.errors import OutputError, PopulationError, RecipeError
from netwright.population import Population, Trial
from netwright.recipe import Recipe
from netwright.sweeps.executor import Executor, TrialEvent, TrialSpec
from netwright.sweeps.local import LocalExecutor
from netwright.sweeps.progress import NullProgress
from netwright.system.machine import processors

__all__ = ["default_workers", "run"]

_LOG = logging.getLogger(__name__)

_ATTEMPTS = 2  # a trial whose worker dies twice has failed
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
    progress: NullProgress | None = None,
    executor: Executor | None = None,
) -> None:
    """Train every waiting trial; each one is on disk as soon as it is finished.

    A trial that raises, diverges or runs out of memory is recorded as failed. One whose worker dies is tried once more.
    After any interruption (an exception, Ctrl-C) finished trials stay, and those that ran wait again.

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
        progress: How far the sweep is shown on it.
        executor: Instead of local workers. Its caller closes it, so several sweeps can share its workers; it has these
            images, and its own workers, threads and devices.

    Raises:
        OutputError: The disk stays full, or weights cannot be written.
        PopulationError: Another program works on the population, or no worker can be started.
        RecipeError: Fewer than one worker or thread.
    """
    path = _checked_path(images, threads, workers)
    with population.lock():
        population.requeue()
        waiting = population.trials("waiting")
        sweep = _Sweep(population, title, _Meter(population, progress or NullProgress(), title, recipe.epochs))
        if not waiting:
            return
        sweep.add(waiting, recipe, split, weights)
        workers = workers or default_workers(threads, devices)
        engine = executor or LocalExecutor(path, workers=workers, threads=threads, devices=devices)
        try:
            with engine if executor is None else nullcontext(engine):
                for event in engine.run(sweep.specs.values()):
                    if sweep.record(event):
                        engine.retry(sweep.specs[event.index])
        finally:
            with suppress(OutputError):  # resuming does it too
                population.requeue()


def _checked_path(images: ImageSet, threads: int, workers: int | None) -> Path:
    """Where the images are. PopulationError where they are not on disk, RecipeError for a count that cannot be."""
    if images.path is None:
        raise PopulationError(
            "the images of a sweep are on disk, so that workers share them. Give load_images a cache."
        )
    for name, count in (("threads", threads), ("workers", 1 if workers is None else workers)):
        if count < 1:
            raise RecipeError(f"{name} is at least 1, not {count}. Leave it out to use every processor.")
    return images.path


class _Sweep:
    """Events of an executor -> the population."""

    def __init__(self, population: Population, title: str, meter: _Meter) -> None:
        self._population, self._title, self._meter = population, title, meter
        self.specs: dict[int, TrialSpec] = {}
        self._attempts: dict[int, int] = {}

    def add(self, trials: list[Trial], recipe: Recipe, split: str, weights: Callable[[Trial], Path | None]) -> None:
        """The trials to train."""
        values = recipe.to_dict()
        for trial in trials:
            path = weights(trial)
            self._attempts[trial.index] = trial.attempts
            self.specs[trial.index] = TrialSpec(
                trial.index, trial.arch.to_dict(), values, trial.seed, split, None if path is None else str(path)
            )

    def record(self, event: TrialEvent) -> bool:
        """Write an event; whether its trial is to be tried again. Raises OutputError."""
        index, values, population = event.index, event.values, self._population
        again = False
        if event.kind == "began":
            self._attempts[index] += 1
            _patiently(partial(population.begin, index))
        elif event.kind == "done":
            _patiently(partial(population.finish, index, **values))
        elif event.kind == "failed":
            _patiently(partial(population.fail, index, **values))
            _LOG.warning("%s: trial %d failed: %s", self._title, index, values["reason"])
        elif event.kind == "unsaved":
            raise OutputError(values["reason"])
        elif event.kind == "lost":
            again = self._record_lost(index, values["reason"])
        self._meter.count(event.kind, index, values)
        return again

    def _record_lost(self, index: int, reason: str) -> bool:
        _patiently(partial(self._population.wait_again, index))
        if self._attempts[index] < _ATTEMPTS:
            _LOG.warning("%s: trial %d is tried again: %s", self._title, index, reason)
            return True
        reason = f"{reason}; {self._attempts[index]} attempts"
        _patiently(partial(self._population.fail, index, reason))
        _LOG.warning("%s: trial %d failed: %s", self._title, index, reason)
        return False


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
        counts = population.counts()
        self._progress, self._epochs = progress, epochs
        self._errors = population.errors()
        self._failed = counts["failed"]
        self._running: dict[int, int] = {}  # trial -> epochs that are over
        progress.start(title, len(self._errors) + self._failed, len(population))

    def count(self, kind: str, index: int, values: Mapping[str, Any]) -> None:
        if kind == "epoch":
            self._running[index] = int(values["epoch"])
        else:
            self._running.pop(index, None)
            if kind == "done":
                self._errors.append(float(values["error"]))
            self._failed += kind == "failed"
        finished = len(self._errors)
        self._progress.update(
            finished + self._failed + sum(self._running.values()) / self._epochs,
            finished,
            self._failed,
            min(self._errors, default=None),
            sum(self._errors) / finished if finished else None,
        )
