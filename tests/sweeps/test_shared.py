"""The files of a shared sweep, and what of them a population takes."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from netwright.data import ImageSet
from netwright.errors import OutputError, PopulationError, RecipeError
from netwright.population import FILE, Population
from netwright.sweeps.leases import Heart, SilenceMeter
from netwright.sweeps.shared import SharedSweep
from netwright.sweeps.sharing import fold, share


@pytest.fixture
def population(tmp_path: Path, program: SimpleNamespace, images: ImageSet) -> Population:
    with Population.create(tmp_path / "run", networks=program.small_networks(3), seed=3, identity={}) as made:
        assert share(made, images, program.short(2), lease=60.0) == 3
        yield made


def result(index: int, *, before: int = 0, error: float = 10.0, **changes: object) -> dict[str, object]:
    done = {"kind": "done", "index": index, "before": before, "attempts": 1, "error": error, "seconds": 1.0}
    return done | {"curve": [], "started": 1.0, "finished": 2.0, "session": {"threads": 1}} | changes


def test_workers_take_different_trials_and_what_a_gone_one_had(population: Population) -> None:
    mine, other = SharedSweep(population.folder), SharedSweep(population.folder)
    clock = [0.0]
    gone = SilenceMeter(mine.folder / "workers", 60.0, now=lambda: clock[0])
    with Heart(mine.folder / "workers", 60.0) as a:
        assert mine.take_next(a.name, gone).trial.index == 0
        with Heart(mine.folder / "workers", 60.0) as b:
            assert other.take_next(b.name, gone).key == "1-0"
            assert other.take_next(b.name, gone).key == "2-0"
            assert mine.take_next(a.name, gone) is None
            assert other.write_result("2-0", result(2))
            b_name = b.name
        (mine.folder / "workers" / b_name).write_text("killed, not gone")
        assert mine.take_next(a.name, gone) is None
        clock[0] = 61.0
        a.beat()
        again = mine.take_next(a.name, gone)
        assert (again.key, again.times) == ("1-0", 2)
        assert mine.open_keys() == ["0-0", "1-0"]


def test_a_result_counts_once_whoever_writes_it_and_however_often(population: Population) -> None:
    shared = SharedSweep(population.folder)
    assert shared.write_result("0-0", result(0, error=10.0))
    assert not shared.write_result("0-0", result(0, error=99.0))
    assert fold(shared, population) == 1
    assert fold(shared, population) == 0
    assert not shared.write_result("0-0", result(0, error=99.0))
    # one that was killed between the population and the move of the file, and one that looked too early
    (shared.folder / "results" / "0-0").write_text(json.dumps(result(0, error=99.0)))
    assert fold(shared, population) == 0
    frame = population.frame()
    assert frame["error"][0] == 10.0
    assert frame["attempts"].tolist() == [1, 0, 0]
    assert population.counts() == {"waiting": 2, "running": 0, "done": 1, "failed": 0}
    [session] = population.notes["provenance"]["sessions"]
    assert session["threads"] == 1


def test_half_a_result_is_left_until_it_is_whole(population: Population) -> None:
    shared = SharedSweep(population.folder)
    (shared.folder / "results" / "0-0").write_text('{"kind": "do')
    assert fold(shared, population) == 0
    assert population.counts()["waiting"] == 3


def test_what_failed_is_shared_again_where_it_is_retried(
    population: Population, program: SimpleNamespace, images: ImageSet
) -> None:
    shared = SharedSweep(population.folder)
    lost = result(1, kind="failed", reason="out of memory", failure="machine", attempts=2)
    assert shared.write_result("1-0", lost)
    assert share(population, images, program.short(2), retry_failed=True) == 1
    assert shared.open_keys() == ["0-0", "2-0", "1-2"]
    shared.write_result("1-0", lost)  # somebody late
    fold(shared, population)
    assert population.counts()["waiting"] == 3
    assert shared.write_result("1-2", result(1, before=2))
    fold(shared, population)
    assert population.frame()["attempts"].tolist() == [0, 3, 0]


def test_trials_are_added_beside_those_that_are_trained(
    population: Population, program: SimpleNamespace, images: ImageSet
) -> None:
    running = SharedSweep(population.folder)
    assert len(running.trials()) == 3
    population.extend(program.small_networks(5))
    assert share(population, images, program.short(2)) == 2
    assert list(running.trials()) == ["0-0", "1-0", "2-0", "3-0", "4-0"]


def test_when_all_is_finished_the_files_are_gone_and_a_late_result_is_none(population: Population) -> None:
    shared = SharedSweep(population.folder)
    for index in range(3):
        assert shared.write_result(f"{index}-0", result(index))
    assert fold(shared, population) == 3
    assert not shared.is_there
    assert not shared.folder.exists()
    assert not shared.write_result("0-0", result(0))
    with closing(sqlite3.connect(population.folder / FILE)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_while_it_is_shared_the_population_needs_no_shared_memory(population: Population) -> None:
    assert [path.name for path in population.folder.glob(f"{FILE}-*")] == []
    with Population.open(population.folder) as reader:
        fold(SharedSweep(population.folder), population)
        assert len(reader.frame()) == 3


def test_a_lease_is_a_time(population: Population, program: SimpleNamespace, images: ImageSet) -> None:
    with pytest.raises(RecipeError, match="lease is a number of seconds above 0, not 0"):
        share(population, images, program.short(2), lease=0.0)


def test_a_shared_sweep_of_another_version_is_refused(population: Population) -> None:
    shared = SharedSweep(population.folder)
    (shared.folder / "sweep.json").write_text('{"format": 2}')
    with pytest.raises(PopulationError, match="shared by another version"):
        shared.facts()


def test_a_population_that_somebody_reads_is_not_shared_under_his_feet(
    tmp_path: Path, program: SimpleNamespace, images: ImageSet
) -> None:
    with Population.create(tmp_path, networks=program.small_networks(2), seed=3, identity={}) as made:
        made._db.execute("PRAGMA busy_timeout = 10")
        with Population.open(tmp_path) as reader, reader.snapshot():
            reader.counts()
            with pytest.raises(OutputError, match="while another program has it open"):
                share(made, images, program.short(2))
        assert share(made, images, program.short(2)) == 2
