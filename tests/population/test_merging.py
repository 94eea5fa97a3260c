"""Populations that were trained apart become one, each trial of which counts once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.arch import Arch
from netwright.errors import PopulationError
from netwright.population import Population, merge, mixed_sessions

Make = Callable[..., Population]


@pytest.fixture
def make(tmp_path: Path, networks: Callable[[int], list[Arch]]) -> Make:
    def made(name: str, n: int = 4, torch: str = "2.9", done: dict[int, float] | None = None, **changes: Any) -> Path:
        values = {"networks": networks(n), "seed": 7, "identity": {"recipe": {"epochs": 3}}} | changes
        session = {"versions": {"torch": torch}, "hardware": {}, "devices": ["cpu"], "threads": 1}
        with Population.create(tmp_path / name, **values) as population:
            number = population.record_session(session, {}, finished=0)
            for index, error in (done or {}).items():
                population.begin(index)
                population.finish(index, error=error, seconds=1.0, curve=[], session=number)
        return tmp_path / name

    return made


def test_parts_of_one_sample_are_one_population(make: Make, tmp_path: Path) -> None:
    here, there = make("here", done={0: 10.0, 1: 11.0}), make("there", n=5, done={1: 11.0, 3: 13.0})
    found = merge([here, there], tmp_path / "all")
    assert found.counts == {"waiting": 2, "running": 0, "done": 3, "failed": 0}
    assert (found.same, found.unlike, found.notices) == (4, [], [])
    with Population.open(tmp_path / "all") as population:
        frame = population.frame()
        assert frame["error"].dropna().tolist() == [10.0, 11.0, 13.0]
        assert frame["trial"].tolist() == [0, 1, 2, 3, 4]
        assert mixed_sessions(population.notes) == []
        assert "session" not in frame
    # it is a population like any other: the command of both resumes it
    with Population.open(here) as one, Population.open(tmp_path / "all") as merged:
        assert (merged.seed, merged.identity) == (one.seed, one.identity)


def test_what_trained_each_trial_is_kept_and_differences_are_told(make: Make, tmp_path: Path) -> None:
    one = make("one", done={0: 10.0, 1: 11.0})
    other = make("other", torch="3.0", done={1: 11.5, 2: 12.0})
    found = merge([one, other], tmp_path / "all")
    assert found.unlike == [(1, 11.0, 11.5)]
    assert "1 of 4 trials that several had ended with different errors" in found.notices[0]
    with Population.open(tmp_path / "all") as population:
        assert population.frame()["session"].dropna().tolist() == [0, 0, 1]
        assert population.frame()["error"].dropna().tolist() == [10.0, 11.0, 12.0]
        [line] = mixed_sessions(population.notes)
        assert line == "versions.torch: '2.9' -> '3.0'"
        copy = population.copy_to(tmp_path / "copy.sqlite")
    with Population.open(copy) as population:
        assert population.frame()["session"].dropna().tolist() == [0, 0, 1]


def test_samples_of_several_seeds_are_added(make: Make, tmp_path: Path) -> None:
    one, other = make("one", done={0: 10.0}), make("other", seed=8, done={0: 12.0})
    found = merge([one, other], tmp_path / "all")
    assert found.same == 0
    with Population.open(tmp_path / "all") as population:
        frame = population.frame()
    assert len(frame) == 8
    assert frame["seed"].nunique() == 8
    assert found.notices[0].startswith("4 networks were drawn by several seeds")


def test_a_done_training_goes_before_a_failed_and_that_before_one_that_waits(make: Make, tmp_path: Path) -> None:
    one, other = make("one"), make("other", done={1: 9.0})
    with Population.open(one) as population:
        for index in (0, 1):
            population.begin(index)
            population.fail(index, "out of memory")
        population.begin(2)
    found = merge([one, other], tmp_path / "all")
    with Population.open(found.folder) as population:
        frame = population.frame()
    assert frame["state"].tolist() == ["failed", "done", "waiting", "waiting"]
    assert frame["attempts"].tolist() == [1, 1, 0, 0]


def test_populations_of_different_things_are_not_merged(make: Make, tmp_path: Path) -> None:
    one, other = make("one"), make("other", identity={"recipe": {"epochs": 5}})
    with pytest.raises(PopulationError, match=r"recipe\.epochs: 3 -> 5"):
        merge([one, other], tmp_path / "all")
    assert not (tmp_path / "all").exists()
    with pytest.raises(PopulationError, match="2 populations or more, not 1"):
        merge([one], tmp_path / "all")
    with pytest.raises(PopulationError, match="holds a population already"):
        merge([one, one], one)


def test_a_merge_can_be_merged(make: Make, tmp_path: Path) -> None:
    runs = [make(name, torch=torch, done={n: 10.0 + n}) for n, (name, torch) in enumerate([("a", "1"), ("b", "2")])]
    merge(runs, tmp_path / "ab")
    merge([tmp_path / "ab", make("c", torch="3", done={2: 12.0})], tmp_path / "abc")
    with Population.open(tmp_path / "abc") as population:
        assert population.frame()["session"].dropna().tolist() == [0, 1, 2]
        assert len(json.loads(json.dumps(population.notes))["provenance"]["sessions"]) == 3


def test_pruned_trials_stay_pruned_unless_one_was_trained_to_its_end(make: Make, tmp_path: Path) -> None:
    identity = {"recipe": {"epochs": 3}, "pruner": "median"}
    here, there = make("here", done={0: 10.0}, identity=identity), make("there", done={1: 11.0}, identity=identity)
    for run, index in ((here, 1), (here, 2), (there, 0)):
        with Population.open(run) as population:
            population.prune(index, reason="pruned after epoch 1 of 3: 80.00%", seconds=1.0, curve=[], session=0)
    found = merge([here, there], tmp_path / "all")
    assert found.counts == {"waiting": 1, "running": 0, "done": 2, "failed": 0, "pruned": 1}
    with Population.open(tmp_path / "all") as population:
        assert population.frame()["state"].tolist() == ["done", "done", "pruned", "waiting"]
    with pytest.raises(PopulationError, match="different things"):
        merge([here, make("full", done={1: 11.0})], tmp_path / "never")
