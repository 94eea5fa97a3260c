"""What every executor promises. A new one is a row of EXECUTORS."""

import os
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from safetensors.torch import load_file

from netwright.sweeps import Executor, LocalExecutor, TrialEvent

EXECUTORS: dict[str, Callable[..., Executor]] = {
    "local": lambda manifest: LocalExecutor(manifest, workers=2, threads=1),
}
ENDS = ("done", "failed", "unsaved", "lost")


@pytest.fixture(scope="module", params=sorted(EXECUTORS))
def executor(request, images) -> Iterator[Executor]:
    with EXECUTORS[request.param](images.path) as made:
        yield made


def ended(events: list[TrialEvent]) -> dict[int, TrialEvent]:
    """The end of each trial; each ends once and with that."""
    ends = [event for event in events if event.kind in ENDS]
    assert set(Counter(event.index for event in ends).values()) == {1}
    for end in ends:
        assert [event for event in events if event.index == end.index][-1] == end
    return {end.index: end for end in ends}


def test_every_job_begins_tells_its_epochs_and_ends_once(executor, trials):
    events = list(executor.run([trials.good(index, epochs=2) for index in range(5)]))
    assert set(ended(events)) == set(range(5))
    for index in range(5):
        mine = [event for event in events if event.index == index]
        assert [event.kind for event in mine] == ["began", "epoch", "epoch", "done"]
        assert mine[-1].values["curve"] == [event.values for event in mine[1:3]]
        assert mine[-1].values["error"] == mine[2].values["error"]
        assert mine[-1].values["seconds"] > 0


def test_it_can_be_run_again_and_gives_the_same(executor, trials):
    first, second = (ended(list(executor.run([trials.good(0), trials.good(1)]))) for _ in range(2))
    for index in (0, 1):
        assert first[index].values["error"] == second[index].values["error"]


def test_no_jobs_no_events(executor):
    assert list(executor.run([])) == []


def test_what_a_network_does_wrong_is_told_and_the_others_go_on(executor, trials):
    wrong = {1: trials.crashing, 3: trials.too_large, 4: trials.diverging}
    events = list(executor.run([wrong.get(index, trials.good)(index) for index in range(6)]))
    ends = ended(events)
    assert {index: end.kind for index, end in ends.items()} == {
        index: "failed" if index in wrong else "done" for index in range(6)
    }
    assert ends[1].values["reason"].startswith("RuntimeError: Given groups=1, weight of size")
    assert "\n" not in ends[1].values["reason"]
    assert ends[3].values["reason"].startswith("out of memory: ")
    assert ends[4].values["reason"].startswith("diverged: the loss became ")
    assert isinstance(ends[4].values["curve"], list)


def test_the_test_split_is_looked_at_once_and_only_when_asked(executor, trials, images, tmp_path):
    weights = tmp_path / "deep" / "w.safetensors"
    finals = [trials.good(0, split="test", weights=str(weights)), trials.good(1)]
    ends = ended(list(executor.run(finals)))
    assert [record["error"] for record in ends[0].values["curve"]] == [None, None]
    one = 100 / len(images.test)
    assert ends[0].values["error"] / one == pytest.approx(round(ends[0].values["error"] / one))
    assert all(record["error"] is not None for record in ends[1].values["curve"])
    assert [path.name for path in weights.parent.iterdir()] == ["w.safetensors"]
    assert load_file(weights)["head.fc.weight"].shape == (10, 8)


def test_weights_that_cannot_be_written_are_no_fault_of_the_network(executor, trials, tmp_path):
    (tmp_path / "file").write_text("")
    [end] = ended(list(executor.run([trials.good(0, weights=str(tmp_path / "file" / "w"))]))).values()
    assert end.kind == "unsaved"
    assert "the weights cannot be written" in end.values["reason"]


def test_a_job_put_back_is_run_once_more(executor, trials):
    kinds = []
    for event in executor.run([trials.good(0, epochs=200), trials.good(1)]):
        if event.kind == "began" and event.index == 0 and "lost" not in kinds:
            os.kill(event.values["pid"], 9)
        if event.kind == "lost":
            executor.retry(trials.good(0, epochs=1))
        kinds.append(event.kind)
        if event.index == 0:
            last = event
    assert kinds.count("lost") == 1
    assert kinds.count("done") == 2
    assert len(last.values["curve"]) == 1


def test_a_job_that_is_not_put_back_stays_lost(executor, trials):
    events = []
    for event in executor.run([trials.good(0, epochs=200), trials.good(1)]):
        if event.kind == "began" and event.index == 0:
            os.kill(event.values["pid"], 9)
        events.append(event)
    assert ended(events)[0].kind == "lost"
    assert "signal 9" in ended(events)[0].values["reason"]
    assert ended(events)[1].kind == "done"


def test_closing_the_iterator_ends_what_runs_and_forgets_what_waits(executor, trials):
    events = executor.run([trials.good(index, epochs=10_000) for index in range(4)])
    next(event for event in events if event.kind == "epoch")
    events.close()
    assert set(ended(list(executor.run([trials.good(7)])))) == {7}
