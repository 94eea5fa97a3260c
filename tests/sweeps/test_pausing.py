"""A sweep that is paused, stopped and extended while it runs."""

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from netwright.errors import PopulationError
from netwright.population import Population
from netwright.sweeps import Executor, NullProgress, TrialEvent, TrialSpec, control, run
from netwright.sweeps.feeding import feed
from netwright.sweeps.pausing import CONTROL_FILE, state_of, watched

TRIALS = 6


class AtFirst(NullProgress):
    """Does something as soon as one trial is finished."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act, self.is_over = act, False

    def update(self, done: float, finished: int, failed: int, best: float | None, mean: float | None) -> None:
        if finished and not self.is_over:
            self.is_over = True
            self.act()


@pytest.fixture
def population(tmp_path: Path, program: SimpleNamespace) -> Iterator[Population]:
    with Population.create(tmp_path, networks=program.small_networks(TRIALS), seed=3, identity={}) as made:
        yield made


def test_a_paused_sweep_finishes_what_it_trains_begins_nothing_and_goes_on(
    population: Population, program: SimpleNamespace, images, workers, watch
) -> None:
    seen = []

    def look() -> None:
        with Population.open(population.folder) as other:
            assert watch.eventually(lambda: not other.counts()["running"], 120)
            seen.append(other.counts())
        control(population.folder, "running")

    def pause() -> None:
        control(population.folder, "paused")
        threading.Thread(target=look).start()

    run(population, images, program.short(1), executor=workers, progress=AtFirst(pause))
    assert seen[0]["waiting"] >= TRIALS - 3
    assert population.counts()["done"] == TRIALS


def test_a_stopped_sweep_ends_as_by_ctrl_c_and_the_same_call_resumes(
    population: Population, program: SimpleNamespace, images, workers
) -> None:
    stop = AtFirst(lambda: control(population.folder, "stopped"))
    with pytest.raises(KeyboardInterrupt):
        run(population, images, program.short(1), executor=workers, progress=stop)
    assert population.counts()["running"] == 0
    assert 1 <= population.counts()["done"] < TRIALS
    run(population, images, program.short(1), executor=workers)
    assert population.counts()["done"] == TRIALS
    assert not (population.folder / CONTROL_FILE).exists()


def test_trials_that_are_added_meanwhile_are_trained_too(
    population: Population, program: SimpleNamespace, images, workers
) -> None:
    def add() -> None:
        with Population.open(population.folder) as other:
            other.extend(program.small_networks(TRIALS + 2))

    run(population, images, program.short(1), executor=workers, progress=AtFirst(add))
    assert population.counts()["done"] == TRIALS + 2


class Slots(Executor):
    """Trains two at a time, in no time; keeps how many it was given at once."""

    def __init__(self) -> None:
        self.most, self.waiting, self.woken = 0, [], False

    @property
    def slots(self) -> int:
        return 2

    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        self.waiting.extend(trials)
        while self.waiting:
            self.most = max(self.most, len(self.waiting))
            if self.woken:
                self.woken = False
                yield TrialEvent("woken", -1, {})
            trial = self.waiting.pop(0)
            yield TrialEvent("lost" if trial.seed == 1 else "done", trial.index, {})

    def retry(self, trial: TrialSpec) -> None:
        self.waiting.insert(0, trial)

    def wake(self) -> None:
        self.woken = True

    def close(self) -> None:
        pass


def test_an_executor_is_given_no_more_than_it_trains_at_once() -> None:
    executor, left, ended = Slots(), [TrialSpec(index, {}, {}, seed=int(index == 2)) for index in range(7)], []
    tried = []

    def record(event: TrialEvent) -> bool:
        assert event.index >= 0
        if event.kind == "lost" and len(tried) < 3:
            tried.append(event.index)
            executor.wake()
            return True
        ended.append(event.index)
        return False

    feed(executor, lambda: left.pop(0) if left else None, record)
    assert sorted(ended) == list(range(7))
    assert tried == [2, 2, 2]
    assert executor.most == 2


def test_what_is_told_wakes_the_executor(population: Population) -> None:
    woken = threading.Event()
    with watched(population.folder, woken.set):
        control(population.folder, "paused")
        assert woken.wait(30)
    assert state_of(population.folder) == "paused"
    control(population.folder, "running")
    control(population.folder, "running")
    assert state_of(population.folder) == "running"


def test_only_a_sweep_is_told_anything(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="there is no population in"):
        control(tmp_path, "paused")
    (tmp_path / "study.json").write_text("{}")  # or a study
    control(tmp_path, "paused")
    assert state_of(tmp_path) == "paused"
