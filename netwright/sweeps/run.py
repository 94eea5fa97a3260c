"""Run the waiting trials of a population."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from netwright.arch import complexity
from netwright.data import ImageSet
from netwright.errors import PopulationError, RecipeError
from netwright.population import Population, Trial
from netwright.recipe import Recipe
from netwright.stats.outcomes import WORST
from netwright.sweeps.executor import Executor, TrialEvent, TrialSpec
from netwright.sweeps.feeding import feed
from netwright.sweeps.kept_states import KeptStates
from netwright.sweeps.local import LocalExecutor
from netwright.sweeps.pausing import begin_anew, may_begin, wait_while_paused, watched
from netwright.sweeps.progress import NullProgress
from netwright.sweeps.pruner import TrialPruner
from netwright.sweeps.recording import Recorder
from netwright.sweeps.retrying import retried, retry
from netwright.sweeps.session import data_facts, session_facts
from netwright.sweeps.shared import SharedSweep
from netwright.sweeps.specs import Paths, refuse_single_images, trial_specs
from netwright.sweeps.time_budget import TimeBudget
from netwright.sweeps.workers import default_workers

__all__ = ["default_workers", "retried", "run"]

_DISK_PATIENCE = 60.0  # seconds that a finished trial waits for room on the disk


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
    start: Callable[[Trial], Path | None] = lambda trial: None,
    states: tuple[Callable[[int], Path], int] | None = None,
    fold: Callable[[Trial], tuple[int, int] | None] = lambda trial: None,
    trial_timeout: float | None = None,
    retry_failed: bool | str = False,
    command: str = "",
    progress: NullProgress | None = None,
    executor: Executor | None = None,
    budget: TimeBudget | None = None,
    pruner: TrialPruner | None = None,
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
        start: Trial -> the state of a shorter training from which it goes on, or None.
        states: Index of a trial -> where its state is kept; and of how many trials, the best ones. None: of none.
        fold: Trial -> on which part of the images it is evaluated, see `TrialSpec`.
        trial_timeout: Seconds from the beginning of a trial until it is ended, and its worker replaced: the machine
            failed it. It is not tried again by itself. None is no limit.
        retry_failed: Train failed trials again: True or "machine" those that the machine failed, "all" those whose
            network failed too. Their attempts stay counted, and a worker that dies again ends them at once.
        command: What was typed, for the record.
        progress: How far the sweep is shown on it.
        executor: Instead of local workers. Its caller closes it, so several sweeps can share its workers; it has these
            images, and its own workers, threads and devices.
        budget: Of time; trials that would end after it stay waiting.
        pruner: Ends trials early; those are pruned, which is neither a result nor a failure.

    Raises:
        OutputError: The disk stays full, or weights cannot be written.
        PopulationError: Another program works on the population, or no worker can be started.
        RecipeError: Fewer than one worker or thread, no time, another word than these for what to retry, or batches of
            one image, from which batch norm at maps of 1x1 cannot learn.
    """
    path = _checked_path(images, threads, workers, trial_timeout)
    retried(retry_failed)
    with population.lock():
        _refuse_shared(population)
        population.requeue()
        retry(population, retry_failed, title)
        waiting = population.trials("waiting")
        meter = _Meter(population, progress or NullProgress(), title, recipe.epochs)
        if not waiting:
            return
        refuse_single_images(waiting, images, recipe)
        session = session_facts(threads, devices, command, images.provenance), data_facts(images)
        paths = Paths(weights, start, fold, None if states is None else states[0])
        specs = partial(trial_specs, population, recipe=recipe, split=split, paths=paths, timeout=trial_timeout)
        specs = partial(specs, prunable=pruner is not None)
        kept = None if states is None else KeptStates(*states, population.frame())
        recorder = Recorder(population, title, session, meter.count, _DISK_PATIENCE)
        sweep = _Sweep(population, recorder, specs, budget, kept, pruner)
        workers = workers or default_workers(threads, devices)
        engine = executor or LocalExecutor(path, workers=workers, threads=threads, devices=devices)
        begin_anew(population.folder)
        with engine if executor is None else nullcontext(engine), watched(population.folder, engine.wake):
            sweep.train(engine, waiting)


def _refuse_shared(population: Population) -> None:
    """PopulationError where machines train the population together."""
    if SharedSweep(population.folder).is_there:
        raise PopulationError(
            f"the sweep in {population.folder} is shared. Take part by `netwright sweep --join {population.folder}`, "
            "or add trials by its command with --shared."
        )


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
    """The trials of one population, given away one by one."""

    def __init__(
        self,
        population: Population,
        recorder: Recorder,
        specs: Callable[[list[Trial]], list[TrialSpec]],
        budget: TimeBudget | None,
        states: KeptStates | None,
        pruner: TrialPruner | None,
    ) -> None:
        self._states, self._pruner, self._epochs = states, pruner, dict[int, int]()
        self._population, self._recorder, self._specs, self._budget = population, recorder, specs, budget
        self._queue, self._last = deque[TrialSpec](), -1
        self._flops: dict[int, float] = {}

    def _add(self, trials: list[Trial]) -> None:
        """Trials to train."""
        self._recorder.expect(trials)
        if self._budget is not None:
            self._flops |= {trial.index: float(complexity(trial.arch).flops[0]) for trial in trials}
        specs = self._specs(trials)
        self._epochs |= {spec.index: int(spec.recipe["epochs"]) for spec in specs}
        self._queue.extend(specs)
        self._last = max(self._last, *(trial.index for trial in trials))

    def train(self, engine: Executor, trials: list[Trial]) -> None:
        """All of them, and those that are added meanwhile.

        Raises OutputError, PopulationError; KeyboardInterrupt where the sweep is stopped.
        """
        self._add(trials)
        try:
            while True:
                feed(engine, self._take, partial(self._record, engine))
                if not self._queue or (self._budget is not None and self._budget.is_over):
                    return
                wait_while_paused(self._population.folder)
        finally:
            self._recorder.close()

    def _take(self) -> TrialSpec | None:
        """The next trial, where the sweep is neither paused nor stopped."""
        if not may_begin(self._population.folder):
            return None
        if not self._queue and len(self._population) > self._last + 1:  # the same command with more trials
            new = [trial for trial in self._population.trials("waiting") if trial.index > self._last]
            self._last = len(self._population) - 1
            if new:
                self._add(new)
        if not self._queue or (self._budget is not None and not self._budget.allows(self._flops[self._queue[0].index])):
            return None
        return self._queue.popleft()

    def _record(self, engine: Executor, event: TrialEvent) -> bool:
        if self._budget is not None and event.kind == "done":
            self._budget.done(self._flops[event.index], float(event.values["seconds"]))
        again = self._recorder.record(event)
        if self._states is not None and event.kind == "done":
            self._states.done(event.index, float(event.values["error"]))
        if self._pruner is not None:
            self._steer(engine, self._pruner, event)
        return again

    def _steer(self, engine: Executor, pruner: TrialPruner, event: TrialEvent) -> None:
        """Tell the pruner what happened, and a trial whether it goes on."""
        index, values = event.index, event.values
        if event.kind == "epoch":
            epoch = int(values["epoch"])
            if epoch < self._epochs[index]:
                engine.answer(index, stop=pruner.should_stop(index, epoch, float(values["error"])))
        elif event.kind in ("done", "failed", "pruned"):
            pruner.finished(index, event.kind, values["error"] if event.kind == "done" else None)


class _Meter:
    """What progress shows, counted from events."""

    def __init__(self, population: Population, progress: NullProgress, title: str, epochs: int) -> None:
        self._progress, self._epochs = progress, epochs
        self._errors = population.errors()
        failures = population.failures()
        self._failed = {failure: sum(reasons.values()) for failure, reasons in failures.items()}
        self._pruned = population.counts().get("pruned", 0)
        self._running: dict[int, int] = {}  # trial -> epochs that are over
        progress.start(title, len(self._errors) + sum(self._failed.values()) + self._pruned, len(population))

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
            self._pruned += kind == "pruned"
        finished, failed = len(self._errors), sum(self._failed.values())
        results = [*self._errors, *[WORST] * self._failed["network"]]
        self._progress.update(
            finished + failed + self._pruned + min(sum(self._running.values()) / self._epochs, len(self._running)),
            finished,
            failed,
            min(self._errors, default=None),
            sum(results) / len(results) if results and self._errors else None,
            **({"pruned": self._pruned} if self._pruned else {}),
        )
