import sqlite3
from pathlib import Path

import numpy as np
import pytest

from netwright.arch import Arch, complexity
from netwright.errors import OutputError, PopulationError
from netwright.population import FILE, Population, trial_seed
from netwright.space import draw, load_space

CURVE = [{"epoch": 1, "error": 30.0}, {"epoch": 2, "error": 12.5}]


def known(population, column):
    """With None for what is missing."""
    return [None if value != value else value for value in population.frame()[column]]


def test_a_new_population_is_all_waiting(create, networks):
    with create(3, notes={"account": {"draws": 5}}) as population:
        assert len(population) == 3
        assert population.counts() == {"waiting": 3, "running": 0, "done": 0, "failed": 0}
        assert [trial.arch for trial in population.trials()] == networks(3)
        assert [trial.seed for trial in population.trials()] == [trial_seed(7, index) for index in range(3)]
        assert population.seed == 7
        assert population.notes == {"account": {"draws": 5}}
        assert population.identity["recipe"] == {"epochs": 3}


def test_it_is_one_file_beside_a_lock(create, tmp_path):
    create().close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", FILE]


def test_what_happened_is_there_after_opening_again(create, tmp_path):
    with create(4) as population:
        for index in (0, 1, 2):
            population.begin(index)
        population.finish(0, error=12.5, seconds=3.0, curve=CURVE)
        population.fail(1, "diverged: the loss became nan", CURVE[:1])
    for place in (tmp_path, tmp_path / FILE, str(tmp_path)):
        with Population.open(place) as population:
            assert population.counts() == {"waiting": 1, "running": 1, "done": 1, "failed": 1}
            assert population.errors() == [12.5]
            frame = population.frame()
    assert frame["state"].tolist() == ["done", "failed", "running", "waiting"]
    assert frame["reason"][1] == "diverged: the loss became nan"
    assert frame["curve"].tolist() == [CURVE, CURVE[:1], [], []]
    assert frame["attempts"].tolist() == [1, 1, 1, 0]


def test_only_an_attempt_that_a_worker_ended_counts(create):
    """The end of the program is not the trial's fault; the death of its worker may be."""
    with create(2) as population:
        population.begin(0)
        assert population.requeue() == 1
        assert [trial.attempts for trial in population.trials()] == [0, 0]
        population.begin(0)
        population.wait_again(0)
        assert population.requeue() == 0
        assert [trial.attempts for trial in population.trials()] == [1, 0]
        population.begin(0)
        population.requeue()
        assert [trial.attempts for trial in population.trials()] == [1, 0]


def test_a_trial_that_is_done_at_last_has_no_reason(create):
    with create(1) as population:
        population.fail(0, "the worker was killed")
        population.finish(0, error=1.0, seconds=1.0, curve=[])
        assert population.frame()["reason"].tolist() == [None]


def test_a_failure_is_the_networks_or_the_machines(create):
    with create(5) as population:
        population.fail(0, "diverged")
        population.fail(1, "out of memory: 3 GB")
        population.fail(2, "out of memory, as another executor calls it", kind="network")
        population.fail(3, "the queue was closed", kind="machine")
        assert known(population, "failure") == ["network", "machine", "network", "machine", None]
        assert population.failures()["machine"] == {"out of memory: 3 GB": 1, "the queue was closed": 1}
        population.finish(3, error=1.0, seconds=1.0, curve=[])
        assert known(population, "failure")[3] is None
        with pytest.raises(sqlite3.IntegrityError):
            population.fail(4, "x", kind="weather")


def test_reasons_are_counted_the_most_frequent_first(create):
    with create(4) as population:
        for index, reason in enumerate(("diverged", "crashed", "crashed", "no result within 1 s")):
            population.fail(index, reason)
        assert list(population.failures()["network"].items()) == [("crashed", 2), ("diverged", 1)]


def test_failed_trials_wait_again_where_they_are_retried(create):
    with create(4) as population:
        for index in range(3):
            population.begin(index)
        population.fail(0, "diverged", CURVE)
        population.fail(1, "no result within 1 s", CURVE, kind="machine")
        population.finish(2, error=1.0, seconds=1.0, curve=CURVE)
        assert population.retry_failed() == 1
        assert population.retry_failed() == 0
        frame = population.frame()
        assert frame["state"].tolist() == ["failed", "waiting", "done", "waiting"]
        assert frame["attempts"].tolist() == [1, 1, 1, 0]  # they stay counted
        assert (known(population, "reason")[1], known(population, "failure")[1], frame["curve"][1]) == (None, None, [])
        assert population.retry_failed("all") == 1
        assert population.counts()["waiting"] == 3


def test_the_frame_has_a_row_a_trial_and_numbers_as_numbers(tmp_path):
    space = load_space("anynetx-e").for_images(8, 10, 1)
    sample = draw(space, 6, seed=0)
    with Population.create(tmp_path, networks=sample.batch, seed=0, identity={}) as population:
        for index in range(2):
            population.begin(index)
        population.finish(0, error=20, seconds=1, curve=CURVE)
        population.fail(1, "out of memory")
        frame = population.frame()
    assert len(frame) == 6
    assert frame["trial"].tolist() == list(range(6))
    for name in ("error", "seconds"):
        assert frame[name].dtype == np.float64
    for name in ("trial", "flops", "params", "acts", "seed", "attempts"):
        assert frame[name].dtype == np.int64
    assert set(space.columns) <= set(frame.columns)
    assert frame["error"].isna().tolist() == [False, True, True, True, True, True]
    for index, text in enumerate(frame["arch"]):
        arch = Arch.from_json(text)
        assert arch == sample.batch[index]
        cost = complexity(arch)
        assert frame.loc[index, ["flops", "params", "acts"]].tolist() == [cost.flops[0], cost.params[0], cost.acts[0]]


def test_the_frame_keeps_its_types_when_nothing_is_done_and_when_nothing_is_there(create, tmp_path):
    with create(2) as population:
        frame = population.frame()
        assert frame["error"].dtype == np.float64
        assert frame["error"].isna().all()
    with Population.create(tmp_path / "none", networks=[], seed=0, identity={}) as population:
        assert len(population.frame()) == 0
        assert "error" in population.frame().columns


def test_the_seed_of_a_trial_depends_on_the_populations_and_its_index_only():
    assert trial_seed(0, 3) == trial_seed(0, 3)
    many = {trial_seed(seed, index) for seed in range(30) for index in range(30)}
    assert len(many) == 900
    assert trial_seed(1, 0) != trial_seed(0, 1)
    # once written into populations, so never to be changed
    assert [trial_seed(0, 0), trial_seed(0, 1), trial_seed(123, 45)] == [2968811710, 3964924996, 1142407476]


def test_there_must_be_a_population_and_only_one(create, tmp_path):
    with pytest.raises(PopulationError, match="there is no population in"):
        Population.open(tmp_path)
    create().close()
    with pytest.raises(PopulationError, match=r"holds a population already\. Open it"):
        create()


@pytest.mark.parametrize("damage", ["text", "half", "empty", "zeros"])
def test_a_damaged_file_is_refused_and_left_alone(damage, create, tmp_path):
    create(200).close()
    path: Path = tmp_path / FILE
    whole = path.read_bytes()
    content = {"text": b"not a database " * 100, "half": whole[: len(whole) // 3], "empty": b"", "zeros": b"\0" * 8192}
    path.write_bytes(content[damage])
    with pytest.raises(PopulationError, match=r"not a population"), Population.open(tmp_path) as population:
        population.frame()
    assert path.read_bytes() == content[damage]


def test_another_format_is_refused(create, tmp_path):
    create().close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(PopulationError, match=r"has format 99; this version reads up to 1\. Update netwright"):
        Population.open(tmp_path)


def test_the_database_of_another_program_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("CREATE TABLE trials (x)")
        db.execute("PRAGMA user_version = 1")
    db.close()
    with pytest.raises(PopulationError, match="a database of another program"):
        Population.open(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path, networks):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        OutputError, match=r"^the population cannot be written to .*file/run: Not a dir.* Choose another folder\.$"
    ):
        Population.create(tmp_path / "file" / "run", networks=networks(1), seed=0, identity={})
