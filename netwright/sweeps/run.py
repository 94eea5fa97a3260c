"""Run the waiting trials of a population."""

from __future__ import annotations

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
from netwright.sweeps.executor import Executor, Job
from netwright.sweeps.local import LocalExecutor
from netwright.sweeps.progress import NullProgress
from netwright.system.machine import processors

__all__ = ["default_workers", "run"]

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
    """Train every waiting trial; each finished one is on disk at once.

    images: saved on disk (`load_images(..., cache=...)`), so that workers share them. recipe: resolved. threads: of
    each worker; a trial's result does not depend on the number of workers, but it does on their threads: sums are then
    rounded otherwise, and training amplifies that to what another seed would do. A trial that raises, diverges or runs
    out of memory is recorded as failed; one whose worker dies is tried once more. Whatever interrupts it (an exception,
    Ctrl-C), finished trials stay and running ones wait again.

    executor: one of the caller's, who closes it, so that several sweeps share its workers; it has these images, and
    workers, threads and devices are then its own. Raises OutputError when the disk stays full, PopulationError when
    another program works on the population or no worker can be started, RecipeError for no workers or threads.
    """
    if images.path is None:
        raise PopulationError(
            "the images of a sweep are on disk, so that workers share them. Give load_images a cache."
        )
    for name, count in (("threads", threads), ("workers", 1 if workers is None else workers)):
        if count < 1:
            raise RecipeError(f"{name} is at least 1, not {count}. Leave it out to use every processor.")
    progress = progress or NullProgress()
    workers = workers or default_workers(threads, devices)
    with population.lock():
        population.requeue()
        waiting = population.trials("waiting")
        tally = _Tally(population, progress, title, recipe.epochs)
        if not waiting:
            return
        plain = recipe.to_dict()
        jobs = {
            trial.index: Job(
                trial.index,
                trial.arch.to_dict(),
                plain,
                trial.seed,
                split,
                None if (path := weights(trial)) is None else str(path),
            )
            for trial in waiting
        }
        attempts = {trial.index: trial.attempts for trial in waiting}
        engine = executor or LocalExecutor(images.path, workers=workers, threads=threads, devices=devices)
        try:
            with engine if executor is None else nullcontext(engine):
                for event in engine.run(jobs.values()):
                    index, values = event.index, event.values
                    if event.kind == "began":
                        attempts[index] += 1
                        _patiently(partial(population.begin, index), progress)
                    elif event.kind == "done":
                        _patiently(partial(population.finish, index, **values), progress)
                    elif event.kind == "failed":
                        _patiently(partial(population.fail, index, **values), progress)
                        progress.say(f"{title}: trial {index} failed: {values['reason']}")
                    elif event.kind == "unsaved":
                        raise OutputError(values["reason"])
                    elif event.kind == "lost":
                        _patiently(partial(population.wait_again, index), progress)
                        if attempts[index] < _ATTEMPTS:
                            progress.say(f"{title}: trial {index} is tried again: {values['reason']}")
                            engine.again(jobs[index])
                        else:
                            reason = f"{values['reason']}; {attempts[index]} attempts"
                            _patiently(partial(population.fail, index, reason), progress)
                            progress.say(f"{title}: trial {index} failed: {reason}")
                    tally.count(event.kind, index, values)
        finally:
            with suppress(OutputError):  # who resumes does it too
                population.requeue()


def _patiently(write: Callable[[], Any], progress: NullProgress) -> None:
    """Write; while the disk is full, hold what was computed and try again, for a minute."""
    began = time.monotonic()
    while True:
        try:
            write()
            return
        except OutputError as error:
            if time.monotonic() - began > _DISK_PATIENCE:
                raise
            progress.say(f"{error} Trying again for {_DISK_PATIENCE:.0f} seconds.")
            time.sleep(min(5.0, _DISK_PATIENCE / 10))


class _Tally:
    """What progress shows, kept up to date from events."""

    def __init__(self, population: Population, progress: NullProgress, title: str, epochs: int) -> None:
        counts = population.counts()
        self._progress, self._epochs = progress, epochs
        self._errors = population.errors()
        self._failed = counts["failed"]
        self._parts: dict[int, int] = {}
        progress.start(title, len(self._errors) + self._failed, len(population))

    def count(self, kind: str, index: int, values: Mapping[str, Any]) -> None:
        if kind == "epoch":
            self._parts[index] = int(values["epoch"])
        else:
            self._parts.pop(index, None)
            if kind == "done":
                self._errors.append(float(values["error"]))
            self._failed += kind == "failed"
        finished = len(self._errors)
        self._progress.update(
            finished + self._failed + sum(self._parts.values()) / self._epochs,
            finished,
            self._failed,
            min(self._errors, default=None),
            sum(self._errors) / finished if finished else None,
        )
