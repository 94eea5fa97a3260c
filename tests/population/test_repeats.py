import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from netwright.analysis.importing import import_population
from netwright.errors import PopulationError
from netwright.population import FILE, Population, trial_seed

OLD = Path(__file__).parents[1] / "golden" / "v0_1"


def test_a_network_counts_once_however_often_it_is_trained(create):
    with create(4) as population:
        for index in range(4):
            population.finish(index, error=10.0 + index, seconds=1.0, curve=[])
        before = population.frame()
        repeats = population.repeat(3, 2)
        assert repeats.counts() == {"waiting": 4, "running": 0, "done": 0, "failed": 0}
        for trial in repeats.trials():
            repeats.begin(trial.index)
            repeats.finish(trial.index, error=20.0 + trial.index, seconds=1.0, curve=[{"epoch": 1, "error": 20.0}])
        assert population.frame().equals(before)
        assert (len(population), population.errors()) == (4, [10.0, 11.0, 12.0, 13.0])


def test_a_repeat_is_its_trials_network_with_a_seed_of_its_own(create, networks):
    with create(3) as population:
        assert population.repeats() is None
        repeats = population.repeat(3, 2)
        frame = repeats.frame()
        assert list(zip(frame["network"], frame["repeat"], strict=True)) == [(0, 1), (1, 1), (0, 2), (1, 2)]
        assert [trial.arch for trial in repeats.trials()] == [networks(3)[i] for i in (0, 1, 0, 1)]
        assert frame["seed"].tolist() == [trial_seed(7, i, k) for i, k in ((0, 1), (1, 1), (0, 2), (1, 2))]
        seeds = {trial_seed(s, i, k) for s in range(3) for i in range(9) for k in range(9)}
        assert len(seeds) == 3 * 9 * 9
        assert trial_seed(7, 1) == trial_seed(7, 1, 0) == population.trials()[1].seed


def test_repeats_are_added_to_those_that_are_there(create, resume, tmp_path):
    with create(3) as population:
        population.repeat(2, 1).finish(1, error=30.0, seconds=1.0, curve=[])
    with resume(5) as population:
        repeats = population.repeat(3)
        assert len(repeats) == 10
        assert repeats.errors() == [30.0]
        assert len(population.repeat(2)) == 10  # none is ever removed
        copy = population.copy_to(tmp_path / "copy.sqlite")
    with Population.open(copy) as copied:
        assert copied.repeats().counts()["waiting"] == 9


def test_repeats_fail_wait_again_and_are_retried_as_trials_are(create):
    with create(2) as population:
        repeats = population.repeat(2)
        first, second = (trial.index for trial in repeats.trials())
        repeats.begin(first)
        assert (repeats.requeue(), population.requeue()) == (1, 0)
        repeats.fail(first, "diverged: the loss became nan")
        repeats.fail(second, "out of memory")
        assert repeats.failures() == {"network": {"diverged: the loss became nan": 1}, "machine": {"out of memory": 1}}
        assert population.failures() == {"network": {}, "machine": {}}
        assert repeats.retry_failed() == 1
        assert [trial.index for trial in repeats.trials()] == [second]


@pytest.mark.parametrize(("seeds", "networks"), [(1, None), (3, 0)])
def test_what_repeats_nothing_is_refused(create, seeds, networks):
    with create(2) as population, pytest.raises(PopulationError, match="2 seeds or more of at least 1 network"):
        population.repeat(seeds, networks)


def test_a_file_of_version_0_1_can_be_repeated_and_is_still_one_of_that_version(tmp_path):
    with Population.open(OLD / "done") as old:
        path = old.copy_to(tmp_path / FILE)
        errors = old.errors()
    with Population.open(path) as population:
        repeats = population.repeat(2, 2)
        index = repeats.trials()[0].index
        repeats.fail(index, "diverged: the loss became nan")
        repeats.retry_failed("all")
        repeats.finish(index, error=5.0, seconds=1.0, curve=[])
        assert repeats.errors() == [5.0]
        assert population.errors() == errors
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM trials").fetchone() == (5,)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["copy.csv", "copy.parquet", "copy.jsonl", "study"])
def test_tables_and_studies_keep_repeats(create, tmp_path, target):
    with create(3) as population:
        for index in range(3):
            population.finish(index, error=10.0 + index, seconds=1.0, curve=[{"epoch": 1, "error": 10.0 + index}])
        repeats = population.repeat(3, 2)
        first, second, *_ = (trial.index for trial in repeats.trials())
        repeats.finish(first, error=20.0, seconds=2.0, curve=[{"epoch": 1, "error": 20.0}])
        repeats.fail(second, "diverged: the loss became nan")
        before = repeats.frame()
        path = f"sqlite:///{tmp_path}/study.db" if target == "study" else tmp_path / target
        population.copy_to(path)
    with import_population(path, tmp_path / "again") as again:
        after = again.repeats().frame()
        assert len(again) == 3
        for column in ("network", "repeat", "state", "reason", "failure", "seed", "curve", "arch", "flops", "label"):
            assert after[column].tolist() == before[column].tolist(), column
        assert after["error"].tolist()[0] == 20.0
        assert "repeats" not in again.frame()
