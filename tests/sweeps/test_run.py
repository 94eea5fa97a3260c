"""A population through `run`: what is recorded, whatever happens to the trials and to the disk."""

import logging
import sys
from dataclasses import replace

import pytest

from netwright.arch import Stem
from netwright.errors import OutputError, PopulationError
from netwright.population import Population
from netwright.sweeps import LocalExecutor, run

module = sys.modules["netwright.sweeps.run"]


@pytest.fixture
def create(tmp_path, program):
    def make(networks) -> Population:
        return Population.create(tmp_path / "run", networks=networks, seed=3, identity={})

    return make


def test_what_fails_is_recorded_with_its_reason_and_counted(create, crew, images, program, notes, caplog):
    networks = program.small_networks(5)
    networks[1] = replace(networks[1], in_channels=3)
    networks[3] = replace(networks[3], stem=Stem("cifar", 10**13))
    with create(networks) as population:
        run(population, images, program.short(2), executor=crew, progress=notes)
        frame = population.frame()
        assert population.counts() == {"waiting": 0, "running": 0, "done": 3, "failed": 2}
    assert frame["state"].tolist() == ["done", "failed", "done", "failed", "done"]
    assert frame["reason"][1].startswith("RuntimeError: Given groups=1")
    assert frame["reason"][3].startswith("out of memory: ")
    done = frame[frame["state"] == "done"]
    assert [curve[-1]["error"] for curve in done["curve"]] == done["error"].tolist()  # of the last epoch
    assert (done["seconds"] > 0).all()
    assert frame["attempts"].tolist() == [1] * 5
    assert {line.split(": ")[1] for line in caplog.messages} == {"trial 1 failed", "trial 3 failed"}
    finished, failed, best, mean = notes.updates[-1][1:]
    assert (finished, failed, best, mean) == (3, 2, done["error"].min(), pytest.approx(done["error"].mean()))


def test_trials_that_diverge_are_failed_and_kept_with_their_curve(create, crew, images, program):
    hot = program.short(300).with_(lr=100.0, momentum=1.0, warmup_epochs=0.0)
    with create(program.small_networks(2)) as population:
        run(population, images, hot, executor=crew)
        frame = population.frame()
    assert frame["state"].tolist() == ["failed"] * 2
    assert frame["reason"].str.startswith("diverged: the loss became ").all()
    assert all(curve[0]["epoch"] == 1 for curve in frame["curve"] if curve)


@pytest.mark.slow
def test_a_trial_whose_worker_is_killed_is_tried_once_more(create, crew, images, program, killer, caplog):
    recipe = program.short(2)
    with create(program.small_networks(4)) as population:
        workers = killer(crew, {0: 1, 2: 2})
        run(population, images, recipe, executor=workers)
        frame = population.frame()
    assert frame["state"].tolist() == ["done", "done", "failed", "done"]
    assert frame["attempts"].tolist() == [2, 1, 2, 1]
    assert frame["reason"][2] == ("the worker was killed (signal 9): out of memory is the usual cause; 2 attempts")
    assert [line.split(": ")[1] for line in caplog.messages] == [
        "trial 0 is tried again",
        "trial 2 is tried again",
        "trial 2 failed",
    ]


def test_an_interrupted_attempt_is_not_held_against_a_trial(create, crew, images, program, killer):
    """Two programs were ended during it; then its worker dies once: it is still tried again."""
    with create(program.small_networks(1)) as population:
        for _ in range(2):
            population.begin(0)
            population.requeue()
        run(
            population,
            images,
            program.short(1),
            executor=killer(crew, {0: 1}),
        )
        assert population.counts()["done"] == 1


def test_a_worker_killed_before_the_program_is_remembered(create, crew, images, program, killer):
    with create(program.small_networks(1)) as population:
        population.begin(0)
        population.wait_again(0)
        run(
            population,
            images,
            program.short(1),
            executor=killer(crew, {0: 1}),
        )
        assert population.frame()["reason"][0].endswith("; 2 attempts")


def limit(population: Population, pages: int | None = None) -> None:
    """The file cannot grow beyond so many pages; None: than it has."""
    now = population._db.execute("PRAGMA page_count").fetchone()[0]
    population._db.execute(f"PRAGMA max_page_count = {pages or now}")


def test_results_wait_for_room_on_a_full_disk(create, crew, images, program, monkeypatch):
    monkeypatch.setattr(module, "_DISK_PATIENCE", 2.0)

    class MakesRoom(logging.Handler):
        complaints = 0

        def emit(self, record: logging.LogRecord) -> None:
            assert "database or disk is full" in record.getMessage()
            self.complaints += 1
            if self.complaints == 3:
                limit(population, 1_000_000)

    handler = MakesRoom()
    monkeypatch.setattr(logging.getLogger("netwright"), "handlers", [handler])
    with create(program.small_networks(6)) as population:
        limit(population)
        run(population, images, program.short(8), executor=crew)
        assert population.counts()["done"] == 6
        assert handler.complaints == 3


def test_a_disk_that_stays_full_ends_the_sweep_and_the_same_call_resumes(create, crew, images, program, monkeypatch):
    monkeypatch.setattr(module, "_DISK_PATIENCE", 0.2)
    recipe = program.short(8)
    with create(program.small_networks(6)) as population:
        limit(population)
        with pytest.raises(OutputError, match=r"full.*the same command continues"):
            run(population, images, recipe, executor=crew)
        counts = population.counts()
        assert counts["failed"] == counts["running"] == 0
        limit(population, 1_000_000)
        kept = population.frame()
        run(population, images, recipe, executor=crew)
        assert population.counts()["done"] == 6
        done = kept["state"] == "done"
        assert population.frame()[done].equals(kept[done])


def test_weights_that_find_no_room_end_the_sweep_and_fail_no_trial(create, crew, images, program, tmp_path):
    (tmp_path / "file").write_text("")
    with create(program.small_networks(2)) as population:
        with pytest.raises(
            OutputError, match=r"the weights of trial \d cannot be written.* another --out\. The same command continues"
        ):
            run(population, images, program.short(1), executor=crew, weights=lambda trial: tmp_path / "file" / "w")
        assert population.counts()["waiting"] == 2
        assert population.frame()["attempts"].tolist() == [0, 0]


def test_two_programs_do_not_work_on_one_population(create, images, program):
    with create(program.small_networks(1)) as population:
        with population.lock(), pytest.raises(PopulationError, match="is working on"):
            run(population, images, program.short(1))
        assert population.counts()["waiting"] == 1


def test_images_that_are_in_memory_only_are_refused(create, images, program):
    with (
        create(program.small_networks(1)) as population,
        pytest.raises(PopulationError, match="Give load_images a cache"),
    ):
        run(population, replace(images, path=None), program.short(1))


def test_nothing_waiting_starts_nothing(create, images, program):
    class Refuses(LocalExecutor):
        def run(self, trials):
            raise AssertionError

    with create(program.small_networks(1)) as population:
        population.finish(0, error=1.0, seconds=1.0, curve=[])
        run(population, images, program.short(1), executor=Refuses(images.path, workers=1, threads=1))
