"""An executor that somebody else wrote, right and wrong in several ways; run by ../test_contracts.py."""

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from netwright.data import ImageSet
from netwright.errors import OutputError
from netwright.sweeps import Executor, TrialEvent, TrialSpec
from netwright.sweeps.worker import failure_reason, train_trial
from netwright.testing import ExecutorContract

torch.set_num_threads(1)
VICTIMS: set[int] = set()  # trials whose worker is killed


class Killed(BaseException):
    pass


class Inline(Executor):
    """Trains one trial after another in a thread of this process."""

    def __init__(self, images: Path) -> None:
        self.images = ImageSet.open(images)
        self.waiting: deque[TrialSpec] = deque()

    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        self.waiting.extend(trials)
        try:
            while self.waiting:
                trial = self.waiting.popleft()
                yield TrialEvent("began", trial.index, {})
                for kind, values in self.train(trial):
                    yield TrialEvent(kind, trial.index, values)
        finally:
            self.waiting.clear()

    def train(self, trial: TrialSpec) -> Iterator[tuple[str, dict[str, Any]]]:
        events: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        curve: list[dict[str, Any]] = []
        stop = threading.Event()

        began = time.monotonic()

        def on_epoch(epoch: Any) -> None:
            if time.monotonic() - began > (trial.timeout or math.inf):
                raise TimeoutError(trial.timeout_reason)
            if stop.is_set() or trial.index in VICTIMS:
                VICTIMS.discard(trial.index)
                raise Killed
            curve.append(epoch.to_dict())
            events.put(("epoch", curve[-1]))

        def work() -> None:
            try:
                events.put(("done", train_trial(asdict(trial), self.images, torch.device("cpu"), on_epoch)))
            except OutputError as error:
                events.put(("unsaved", {"reason": str(error)}))
            except TimeoutError as error:
                events.put(("failed", {"reason": str(error), "curve": curve, "failure": "machine"}))
            except Killed:
                events.put(("lost", {"reason": "the thread was killed"}))
            except Exception as error:
                events.put(("failed", {"reason": failure_reason(error), "curve": curve}))

        thread = threading.Thread(target=work)
        thread.start()
        try:
            while True:
                kind, values = events.get()
                yield kind, values
                if kind != "epoch":
                    return
        finally:
            stop.set()
            thread.join()

    def retry(self, trial: TrialSpec) -> None:
        self.waiting.appendleft(trial)

    def close(self) -> None:
        self.waiting.clear()


class OfInline(ExecutorContract):
    """Not collected: its name does not begin with Test."""

    kind: type[Inline] = Inline

    def make_executor(self, images: Path) -> Executor:
        return self.kind(images)

    def kill(self, began: TrialEvent) -> None:
        VICTIMS.add(began.index)


class Paced(Inline):
    """Is given two trials at a time, one to train and one that waits, and can be woken."""

    def __init__(self, images: Path) -> None:
        super().__init__(images)
        self.woken = threading.Event()

    @property
    def slots(self) -> int:
        return 2

    def wake(self) -> None:
        self.woken.set()

    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        for event in super().run(trials):
            yield event
            if self.woken.is_set():
                self.woken.clear()
                yield TrialEvent("woken", -1, {})


class TestRight(OfInline):
    kind = Paced


class TestIsGivenAllAtOnce(OfInline):
    """Says nothing of its slots, as executors did before there were any."""


class Sleeps(Paced):
    def wake(self) -> None:
        pass


class TestSleeps(OfInline):
    kind = Sleeps


class WakesForATrial(Paced):
    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        for event in super().run(trials):
            yield replace(event, index=0) if event.kind == "woken" else event


class TestWakesForATrial(OfInline):
    kind = WakesForATrial


class EndsTwice(Inline):
    def train(self, trial: TrialSpec) -> Iterator[tuple[str, dict[str, Any]]]:
        for kind, values in super().train(trial):
            yield kind, values
            if kind == "done":
                yield kind, values


class TestEndsTwice(OfInline):
    kind = EndsTwice


class HidesEpochs(Inline):
    def train(self, trial: TrialSpec) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from (event for event in super().train(trial) if event[0] != "epoch")


class TestHidesEpochs(OfInline):
    kind = HidesEpochs


class StopsAtFailures(Inline):
    def train(self, trial: TrialSpec) -> Iterator[tuple[str, dict[str, Any]]]:
        for kind, values in super().train(trial):
            if kind == "failed":
                raise RuntimeError(values["reason"])
            yield kind, values


class TestStopsAtFailures(OfInline):
    kind = StopsAtFailures


class BlamesNetworks(Inline):
    def train(self, trial: TrialSpec) -> Iterator[tuple[str, dict[str, Any]]]:
        for kind, values in super().train(trial):
            yield kind, values | {"failure": "network"} if kind == "failed" else values


class TestBlamesNetworks(OfInline):
    kind = BlamesNetworks


class HasNoClock(Inline):
    def train(self, trial: TrialSpec) -> Iterator[tuple[str, dict[str, Any]]]:
        return super().train(replace(trial, timeout=None))


class TestHasNoClock(OfInline):
    kind = HasNoClock


class TestSaysThatItHasNoClock(OfInline):
    kind = HasNoClock
    keeps_timeouts = False


class LooksAtTest(Inline):
    """Judges trials by the images that nothing but the last training may see."""

    def __init__(self, images: Path) -> None:
        super().__init__(images)
        self.images = replace(self.images, validation=self.images.test)


class TestLooksAtTest(OfInline):
    kind = LooksAtTest


class SeedsByOrder(Inline):
    done = 0

    def train(self, trial: TrialSpec) -> Iterator[tuple[str, dict[str, Any]]]:
        self.done += 1
        return super().train(replace(trial, seed=self.done))


class TestSeedsByOrder(OfInline):
    kind = SeedsByOrder


class WritesNothing(Inline):
    def train(self, trial: TrialSpec) -> Iterator[tuple[str, dict[str, Any]]]:
        return super().train(replace(trial, weights=None))


class TestWritesNothing(OfInline):
    kind = WritesNothing


class NeverRetries(Inline):
    def retry(self, trial: TrialSpec) -> None:
        pass


class TestNeverRetries(OfInline):
    kind = NeverRetries


class ForgetsNothing(Inline):
    """What waited is trained when it is used the next time."""

    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        self.waiting.extend(trials)
        while self.waiting:
            trial = self.waiting.popleft()
            yield TrialEvent("began", trial.index, {})
            for kind, values in self.train(replace(trial, recipe={**trial.recipe, "epochs": 1})):
                yield TrialEvent(kind, trial.index, values)


class TestForgetsNothing(OfInline):
    kind = ForgetsNothing
