"""What every executor promises."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from netwright.arch import Arch, Stage, Stem
from netwright.data import ImageSet, load_images
from netwright.population import failure_of
from netwright.recipe import Recipe
from netwright.sweeps import Executor, TrialEvent, TrialSpec
from netwright.weights import load_model

__all__ = ["ExecutorContract"]

_ENDS = ("done", "failed", "unsaved", "lost")
# on 8 x 8 gray pixels a few milliseconds a step
_NETWORK = Arch((Stage(1, 8),), stem=Stem("cifar", 8), resolution=8, num_classes=10, in_channels=1)
_TIMEOUT = 0.5  # seconds, less than any processor takes for the epochs of that trial
_RECIPE = Recipe(batch_size=32, lr=0.1)


def _trial(
    index: int, network: Arch = _NETWORK, *, epochs: int = 2, split: str = "validation", weights: Path | None = None
) -> TrialSpec:
    recipe = _RECIPE.with_(epochs=epochs).resolve(resolution=8, flip_suits=False, bf16_helps=False)
    path = None if weights is None else str(weights)
    return TrialSpec(index, network.to_dict(), recipe.to_dict(), 100 + index, split, path)


def _crashing(index: int) -> TrialSpec:
    """Its network takes images of other channels."""
    return _trial(index, replace(_NETWORK, in_channels=3))


def _too_large(index: int) -> TrialSpec:
    """Its network has more bytes than a processor can address."""
    return _trial(index, replace(_NETWORK, stem=Stem("cifar", 10**13)))


def _diverging(index: int) -> TrialSpec:
    hot = _RECIPE.with_(epochs=30, lr=100.0, momentum=1.0, warmup_epochs=0.0)
    recipe = hot.resolve(resolution=8, flip_suits=False, bf16_helps=False)
    return TrialSpec(index, _NETWORK.to_dict(), recipe.to_dict(), 100 + index)


def _ended(events: list[TrialEvent]) -> dict[int, TrialEvent]:
    """The end of each trial; each ends once, and nothing of it comes after that."""
    ends = [event for event in events if event.kind in _ENDS]
    assert set(Counter(event.index for event in ends).values()) <= {1}, "a trial ends once"
    for end in ends:
        assert [event for event in events if event.index == end.index][-1] == end, "nothing comes after a trial's end"
    return {end.index: end for end in ends}


class ExecutorContract:
    """The tests of an `Executor`.

    A subclass gives `make_executor`, `kill` where its workers are no processes of this machine, and `keeps_timeouts`:
    False for an executor that knows nothing of `TrialSpec.timeout`.

        class TestMyExecutor(ExecutorContract):
            def make_executor(self, images):
                return MyExecutor(images, workers=2)

    The trials train networks of some hundred weights on a few of the bundled digits.
    """

    keeps_timeouts = True

    def make_executor(self, images: Path) -> Executor:
        """An executor of two workers or more with one thread each.

        Args:
            images: The manifest of the images, which `ImageSet.open` opens.
        """
        raise NotImplementedError

    def kill(self, began: TrialEvent) -> None:
        """End the worker of a trial from outside, as a crash or the lack of memory does.

        The default kills the process `pid` that the event "began" names. An executor whose workers cannot be lost calls
        `pytest.skip` here.
        """
        pid = began.values.get("pid")
        assert isinstance(pid, int), "the event 'began' names no process 'pid': override kill"
        os.kill(pid, signal.SIGKILL)

    @pytest.fixture(scope="class")
    @classmethod
    def images(cls, tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
        """What trials are trained on."""
        return load_images("digits", cache=tmp_path_factory.mktemp("images"), train_images=250)

    @pytest.fixture(scope="class")
    @classmethod
    def executor(cls, images: ImageSet) -> Iterator[Executor]:
        """One for all tests, each of which leaves it idle."""
        assert images.path is not None
        with cls().make_executor(images.path) as made:
            yield made

    def test_every_trial_begins_reports_its_epochs_and_ends_once(self, executor: Executor) -> None:
        events = list(executor.run([_trial(index, epochs=2) for index in range(5)]))
        assert set(_ended(events)) == set(range(5))
        for index in range(5):
            mine = [event for event in events if event.index == index]
            assert [event.kind for event in mine] == ["began", "epoch", "epoch", "done"]
            assert [event.values["epoch"] for event in mine[1:3]] == [1, 2]
            assert mine[-1].values["curve"] == [event.values for event in mine[1:3]]
            assert mine[-1].values["error"] == mine[2].values["error"]
            assert mine[-1].values["seconds"] > 0

    def test_it_runs_again_and_gives_the_same(self, executor: Executor) -> None:
        first, second = (_ended(list(executor.run([_trial(0), _trial(1)]))) for _ in range(2))
        for index in (0, 1):
            assert first[index].values["error"] == second[index].values["error"]

    def test_a_trial_does_not_depend_on_others_or_on_their_order(self, executor: Executor) -> None:
        alone = _ended(list(executor.run([_trial(2)])))[2]
        among = _ended(list(executor.run([_trial(index) for index in (3, 2, 1, 0)])))[2]
        for one, other in zip(alone.values["curve"], among.values["curve"], strict=True):
            assert (one["loss"], one["error"]) == (other["loss"], other["error"])

    def test_no_trials_give_no_events(self, executor: Executor) -> None:
        assert list(executor.run([])) == []

    def test_a_fault_of_a_network_is_reported_and_the_others_continue(self, executor: Executor) -> None:
        wrong = {1: _crashing, 3: _too_large, 4: _diverging}
        events = list(executor.run([wrong.get(index, _trial)(index) for index in range(6)]))
        ends = _ended(events)
        assert {index: end.kind for index, end in ends.items()} == {
            index: "failed" if index in wrong else "done" for index in range(6)
        }
        for index in wrong:
            reason = ends[index].values["reason"]
            assert reason.strip(), "a reason says something"
            assert "\n" not in reason, "a reason is one line"
        assert ends[3].values["reason"].startswith("out of memory: ")
        assert ends[4].values["reason"].startswith("diverged: ")
        assert isinstance(ends[4].values["curve"], list)
        for index, whose in ((1, "network"), (3, "machine"), (4, "network")):  # it may be left to the reason
            found = ends[index].values.get("failure") or failure_of(ends[index].values["reason"])
            assert found == whose, "lack of memory is the machine's fault, and what a network does is its own"

    def test_a_trial_without_a_result_in_time_is_ended_and_the_machine_failed_it(self, executor: Executor) -> None:
        if not self.keeps_timeouts:
            pytest.skip("this executor knows nothing of timeouts")
        endless = replace(_trial(0, epochs=3000), timeout=_TIMEOUT)
        ends = _ended(list(executor.run([endless, _trial(1), replace(_trial(2), timeout=600.0)])))
        assert {index: end.kind for index, end in ends.items()} == {0: "failed", 1: "done", 2: "done"}
        assert ends[0].values["failure"] == "machine"
        assert ends[0].values["reason"].startswith(f"no result within {_TIMEOUT:g} s")
        assert isinstance(ends[0].values["curve"], list)
        assert set(_ended(list(executor.run([_trial(3)])))) == {3}, "the executor goes on"

    def test_the_test_split_is_looked_at_once_and_only_where_it_is_asked_for(
        self, executor: Executor, images: ImageSet
    ) -> None:
        ends = _ended(list(executor.run([_trial(0, split="test"), _trial(1)])))
        assert [record["error"] for record in ends[0].values["curve"]] == [None, None]
        assert all(record["error"] is not None for record in ends[1].values["curve"])
        for index, count in ((0, len(images.test)), (1, len(images.validation))):
            wrong = ends[index].values["error"] * count / 100
            assert wrong == pytest.approx(round(wrong), abs=1e-6), "an error is a share of the images of its split"

    def test_weights_are_written_whole_and_open_with_all_that_using_them_takes(
        self, executor: Executor, images: ImageSet, tmp_path: Path
    ) -> None:
        folder = tmp_path / "deep" / "down"
        weights = {split: folder / f"{split}.safetensors" for split in ("validation", "test")}
        trials = [_trial(index, split=split, weights=path) for index, (split, path) in enumerate(weights.items())]
        ends = _ended(list(executor.run(trials)))
        assert sorted(path.name for path in folder.iterdir()) == ["test.safetensors", "validation.safetensors"]
        for index, (split, path) in enumerate(weights.items()):
            model = load_model(path)
            assert (model.arch, model.class_names) == (_NETWORK, images.class_names)
            assert (model.preprocessing.image_size, model.preprocessing.channels) == (8, 1)
            assert (model.facts["trial"], model.facts["seed"]) == (index, 100 + index)
            assert 100 - model.facts[split]["top1"] == pytest.approx(ends[index].values["error"])

    def test_weights_that_cannot_be_written_are_no_fault_of_the_network(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        [end] = _ended(list(executor.run([_trial(0, weights=tmp_path / "file" / "w")]))).values()
        assert end.kind == "unsaved"
        assert "cannot be written" in end.values["reason"]

    def test_a_lost_trial_is_trained_once_more_where_it_is_retried(self, executor: Executor) -> None:
        kinds = []
        for event in executor.run([_trial(0, epochs=200), _trial(1)]):
            if event.kind == "began" and event.index == 0 and "lost" not in kinds:
                self.kill(event)
            if event.kind == "lost":
                executor.retry(_trial(0, epochs=1))
            kinds.append(event.kind)
            if event.index == 0:
                last = event
        assert kinds.count("lost") == 1
        assert kinds.count("done") == 2
        assert len(last.values["curve"]) == 1

    def test_a_lost_trial_stays_lost_where_it_is_not_retried(self, executor: Executor) -> None:
        events = []
        for event in executor.run([_trial(0, epochs=200), _trial(1)]):
            if event.kind == "began" and event.index == 0:
                self.kill(event)
            events.append(event)
        ends = _ended(events)
        assert {index: end.kind for index, end in ends.items()} == {0: "lost", 1: "done"}
        assert ends[0].values["reason"].strip(), "a reason says something"

    def test_a_trial_that_is_added_meanwhile_is_trained_too(self, executor: Executor) -> None:
        events: list[TrialEvent] = []
        for event in executor.run([_trial(0)]):
            if event.kind == "began" and event.index == 0:
                executor.add(_trial(1))
            events.append(event)
        assert {index: end.kind for index, end in _ended(events).items()} == {0: "done", 1: "done"}

    def test_an_executor_that_is_woken_says_so_and_goes_on(self, executor: Executor) -> None:
        if executor.slots is None:
            pytest.skip("this executor is given all trials at once, so nobody wakes it")
        assert executor.slots >= 2, "two workers or more"
        events: list[TrialEvent] = []
        for event in executor.run([_trial(0, epochs=20)]):
            if event.kind == "began":
                executor.wake()
            events.append(event)
        assert [event.index for event in events if event.kind == "woken"] == [-1]
        assert _ended(events)[0].kind == "done"

    def test_closing_the_iterator_ends_what_runs_and_forgets_what_waits(self, executor: Executor) -> None:
        events = executor.run([_trial(index, epochs=10_000) for index in range(4)])
        next(event for event in events if event.kind == "epoch")
        events.close()  # type: ignore[attr-defined]  # run is a generator
        assert set(_ended(list(executor.run([_trial(7)])))) == {7}
