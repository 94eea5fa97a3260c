"""A population through `run`: what is recorded, whatever happens to the trials and to the disk."""

import logging
import shutil
import sys
from dataclasses import replace

import pytest

from netwright.arch import Stem
from netwright.errors import OutputError, PopulationError, RecipeError
from netwright.population import FILE, Population, mixed_sessions
from netwright.space import Choice, LogUniform, load_space, sample
from netwright.sweeps import Executor, LocalExecutor, NullProgress, TrialEvent, run
from netwright.system import machine

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
    assert frame["attempts"].drop(3).tolist() == [1] * 4
    assert frame["attempts"][3] in (1, 2)  # it is put back where another trial had memory at that moment
    told = [record.getMessage() for record in caplog.records if record.name == "netwright.sweeps.run"]
    assert {line.split(": ")[1] for line in told} == {"trial 1 failed", "trial 3 failed"}
    assert frame["failure"][1] == "network"
    assert frame["failure"][3] == "machine"
    finished, failed, best, mean = notes.updates[-1][1:]
    assert (finished, failed, best) == (3, 2, done["error"].min())
    # the network that failed is a result; of what the machine failed nothing is known
    assert mean == pytest.approx((done["error"].sum() + 100) / 4)


@pytest.mark.slow
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
    assert frame["failure"][2] == "machine"
    assert [line.split(": ")[1] for line in caplog.messages] == [
        "trial 0 is tried again",
        "trial 2 is tried again",
        "trial 2 failed",
    ]


@pytest.mark.slow
def test_a_stopped_worker_is_ended_after_the_timeout_and_its_trial_can_be_retried(
    create, crew, images, program, stopper, notes, caplog
):
    recipe = program.short(2)
    with create(program.small_networks(3)) as population:
        run(population, images, recipe, executor=stopper(crew, {1: 1}), trial_timeout=20.0, progress=notes)
        frame = population.frame()
        assert frame["state"].tolist() == ["done", "failed", "done"]
        assert frame["reason"][1] == "no result within 20 s (--trial_timeout)"
        assert (frame["failure"][1], frame["attempts"][1]) == ("machine", 1)
        assert [line.split(": ")[1] for line in caplog.messages] == ["trial 1 failed"]
        assert notes.updates[-1][1:3] == (2, 1)
        run(population, images, recipe, executor=crew)
        assert population.counts()["failed"] == 1  # not by itself
        run(population, images, recipe, executor=crew, retry_failed=True)
        again = population.frame()
    assert again["state"].tolist() == ["done"] * 3
    assert again["attempts"].tolist() == [1, 2, 1]
    kept = ["state", "error", "curve", "attempts", "seconds"]
    assert again.drop(1)[kept].equals(frame.drop(1)[kept])


def test_what_networks_failed_is_retried_only_where_it_is_asked_for(create, crew, images, program):
    networks = program.small_networks(2)
    networks[0] = replace(networks[0], in_channels=3)
    with create(networks) as population:
        run(population, images, program.short(1), executor=crew)
        for retry_failed, attempts in ((True, 1), ("machine", 1), ("all", 2)):
            run(population, images, program.short(1), executor=crew, retry_failed=retry_failed)
            assert population.frame()["attempts"].tolist() == [attempts, 1]
            assert population.counts()["failed"] == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"trial_timeout": 0.0}, "trial_timeout is a number of seconds above 0, not 0.0"),
        ({"trial_timeout": float("nan")}, "above 0, not nan"),
        ({"retry_failed": "network"}, "retry_failed is true, false, 'machine' or 'all', not 'network'"),
    ],
)
def test_impossible_options_are_refused(options, says, create, images, program):
    with create(program.small_networks(1)) as population, pytest.raises(RecipeError, match=says):
        run(population, images, program.short(1), **options)


class Says(Executor):
    """Ends every trial with one event, as an executor of somebody else might."""

    def __init__(self, kind, values):
        self.kind, self.values, self.specs = kind, values, []

    def run(self, trials):
        for trial in trials:
            self.specs.append(trial)
            yield TrialEvent("began", trial.index, {})
            yield TrialEvent(self.kind, trial.index, self.values)

    def retry(self, trial):
        raise AssertionError

    def close(self):
        pass


@pytest.mark.parametrize(
    ("values", "failure"),
    [
        ({"reason": "the queue broke", "curve": []}, "network"),
        ({"reason": "out of memory: on node 7"}, "machine"),
        ({"reason": "the queue broke", "curve": [], "failure": "machine"}, "machine"),
        ({"reason": "out of memory, the title of a network", "failure": "network", "node": 7}, "network"),
    ],
)
def test_an_executor_may_say_whose_fault_a_failure_is(values, failure, create, images, program):
    with create(program.small_networks(1)) as population:
        run(population, images, program.short(1), executor=Says("failed", values))
        assert population.frame()["failure"].tolist() == [failure]


def test_a_trial_carries_its_timeout(create, images, program):
    done = {"error": 1.0, "seconds": 1.0, "curve": []}
    for timeout in (None, 60.0):
        with create(program.small_networks(1)) as population:
            executor = Says("done", done)
            run(population, images, program.short(1), executor=executor, trial_timeout=timeout)
            assert [spec.timeout for spec in executor.specs] == [timeout]
        shutil.rmtree(population.folder)


def test_what_trained_a_population_is_kept_with_it(create, images, program, monkeypatch):
    done = {"error": 1.0, "seconds": 1.0, "curve": []}
    with create(program.small_networks(2)) as population:
        run(population, images, program.short(1), executor=Says("unknown", {}), command="nothing is finished")
        assert "provenance" not in population.notes
        run(population, images, program.short(1), executor=Says("done", done), command="netwright sweep x")
        known = population.notes["provenance"]
        assert known["versions"] == machine.versions()
        assert known["hardware"] == machine.hardware()
        assert (known["devices"], known["threads"], known["command"]) == (["cpu"], 1, "netwright sweep x")
        assert known["data"]["fingerprint"] == images.fingerprint
        assert (known["data"]["classes"], known["splits"]) == (10, images.provenance)
        assert known["data"]["train"] == len(images.train)
        assert known["unrecorded"] == 0
        assert mixed_sessions(population.notes) == []
        population.extend(program.small_networks(3))
        monkeypatch.setattr("netwright.sweeps.session.versions", lambda: machine.versions() | {"torch": "3.0"})
        run(population, images, program.short(1), executor=Says("done", done))
        assert len(population.notes["provenance"]["sessions"]) == 2
        [line] = mixed_sessions(population.notes)
    assert line.startswith("versions.torch: ")
    assert line.endswith(" -> '3.0'")


@pytest.mark.slow
def test_the_file_alone_can_be_copied_in_the_middle_of_a_sweep(create, crew, images, program, tmp_path):
    """A copy by any program is at most a trial behind, and one by `copy_to` is not behind."""
    seen = []

    class Copies(NullProgress):
        def update(self, done, finished, failed, best, mean):
            number = len(seen)
            with Population.open(shutil.copy(population.folder / FILE, tmp_path / f"plain{number}.sqlite")) as copy:
                plain = copy.counts()["done"]
            with Population.open(tmp_path / "run") as other:
                whole = other.copy_to(tmp_path / f"whole{number}.sqlite")
            with Population.open(whole) as copy:
                seen.append((finished, plain, copy.counts()["done"]))

    with create(program.small_networks(14)) as population:
        run(population, images, program.short(2), executor=crew, progress=Copies())
    assert {finished for finished, _, _ in seen} == set(range(15))
    for finished, plain, whole in seen:
        assert plain == whole == finished
    with Population.open(tmp_path / f"plain{len(seen) - 1}.sqlite") as copy:
        assert copy.counts()["done"] == 14


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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_batches_of_one_image_are_refused_before_the_first_trial(create, crew, images, program):
    [network] = program.small_networks(1)
    pointed = replace(network, resolution=2)
    with (
        create([pointed]) as population,
        pytest.raises(
            RecipeError, match=r"are 1x1, so that a batch of one image has one\. Raise batch_size to 2 or more"
        ),
    ):
        run(population, images, program.short(1).with_(batch_size=1), executor=crew)


@pytest.mark.slow
def test_options_of_the_recipe_that_a_space_draws_are_those_of_its_trials(tmp_path, crew, images, program):
    space = load_space("regnetx").for_images(8, 10, 1).refine(flops=(0, 1e6))
    space = space.with_recipe(epochs=Choice((1, 3)), lr=LogUniform(0.01, 0.2))
    networks = sample(space, 6, seed=5)
    identity = {"space": space.to_dict()}
    with Population.create(tmp_path / "drawn", networks=networks, seed=3, identity=identity) as population:
        assert population.recipe_parameters == ("epochs", "lr")
        run(population, images, program.short(2), executor=crew)
        frame = population.frame()
    curves = frame["curve"].tolist()
    assert [len(curve) for curve in curves] == frame["epochs"].tolist()
    assert set(frame["epochs"]) == {1, 3}
    tops = [max(float(each["lr"]) for each in curve) for curve in curves]
    assert all(top <= drawn for top, drawn in zip(tops, frame["lr"], strict=True))
    assert len(set(tops)) == 6
