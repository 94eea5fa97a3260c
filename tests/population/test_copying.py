"""Copies of a population that others write to: of the one file by any program, and by `copy_to`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netwright.errors import OutputError, PopulationError
from netwright.population import FILE, Population, is_population

CURVE = [{"epoch": 1, "error": 12.5}] * 20


def test_a_plain_copy_of_the_one_file_has_all_that_is_finished(create, tmp_path):
    with create(14) as population:
        for index in range(5):
            population.begin(index)
            population.finish(index, error=10.0 + index, seconds=1.0, curve=CURVE)
            copied = Path(shutil.copy(tmp_path / FILE, tmp_path / f"copy{index}.sqlite"))
            with Population.open(copied) as copy:
                assert copy.errors() == population.errors()
        population.fail(5, "diverged")
        with Population.open(shutil.copy(tmp_path / FILE, tmp_path / "mypop.sqlite")) as copy:
            assert copy.counts() == population.counts()
            assert copy.frame().equals(population.frame())


def test_a_reader_beside_the_writer_delays_what_the_file_has_by_no_more_than_itself(create, tmp_path):
    with create(3) as population, Population.open(tmp_path) as reader:
        reader._db.execute("BEGIN")
        assert reader.counts()["done"] == 0
        population.finish(0, error=1.0, seconds=1.0, curve=CURVE)  # waits for nobody
        assert reader.counts()["done"] == 0
        reader._db.execute("COMMIT")
        population.finish(1, error=2.0, seconds=1.0, curve=CURVE)
        with Population.open(shutil.copy(tmp_path / FILE, tmp_path / "c.sqlite")) as copy:
            assert copy.errors() == [1.0, 2.0]


@pytest.mark.parametrize("target", ["c.sqlite", "c.db", "folder", "deep/runs.v2", "there"])
def test_copy_to_makes_a_whole_population_that_can_be_resumed(target, create, resume, tmp_path):
    with create(3, notes={"account": {"draws": 5}}) as population:
        (tmp_path / "there").mkdir()
        population.begin(0)
        population.finish(0, error=1.0, seconds=1.0, curve=CURVE)
        population.begin(1)
        path = population.copy_to(tmp_path / target)
        assert path == (tmp_path / target if target.startswith("c.") else tmp_path / target / FILE)
        with Population.open(path) as copy:
            assert copy.frame().equals(population.frame())
            assert (copy.notes, copy.identity, copy.seed) == (population.notes, population.identity, population.seed)
            assert copy.requeue() == 1
            assert copy._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert sorted(each.name for each in path.parent.glob("*partial*")) == []
        assert population.counts()["running"] == 1


def test_a_copy_replaces_nothing(create, tmp_path):
    with create(2) as population:
        (tmp_path / "c.sqlite").write_text("mine")
        (tmp_path / "link.sqlite").symlink_to("nowhere")
        for target in (tmp_path / "c.sqlite", tmp_path / "link.sqlite", tmp_path):
            with pytest.raises(
                PopulationError, match=r"is there already, and a copy replaces nothing\. Choose another"
            ):
                population.copy_to(target)
        assert (tmp_path / "c.sqlite").read_text() == "mine"


def test_a_copy_of_what_is_there_for_reading_only(create, tmp_path):
    create(2).close()
    (tmp_path / f"{FILE}-wal").mkdir()  # as in test_disk.py
    (tmp_path / f"{FILE}-shm").mkdir()
    try:
        with Population.open(tmp_path) as population:
            population.copy_to(tmp_path / "c.sqlite")
    finally:
        (tmp_path / f"{FILE}-wal").rmdir()
        (tmp_path / f"{FILE}-shm").rmdir()
    with Population.open(tmp_path / "c.sqlite") as copy:
        copy.begin(1)


def test_where_it_cannot_be_written_nothing_is_left(create, tmp_path):
    with create(2) as population:
        (tmp_path / "file").write_text("")
        with pytest.raises(
            OutputError, match=r"the copy of the population cannot be written to .*Choose another target"
        ):
            population.copy_to(tmp_path / "file" / "c.sqlite")


_COPIER = """
import resource, signal, sys
from netwright.errors import OutputError
from netwright.population import Population
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Population.open(sys.argv[1]) as population:
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, resource.RLIM_INFINITY))
    try:
        population.copy_to(sys.argv[2])
    except OutputError as error:
        print(error)
"""


@pytest.mark.slow
def test_a_full_disk_leaves_no_half_copy(create, tmp_path):
    create(60).close()
    done = subprocess.run(
        [sys.executable, "-c", _COPIER, str(tmp_path), str(tmp_path / "to" / "c.sqlite")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the copy of the population cannot be written to" in done.stdout
    assert "Free some space, or choose another target." in done.stdout
    assert os.listdir(tmp_path / "to") == []


def test_what_is_a_population_is_told_by_its_content(create, tmp_path):
    create(1).close()
    shutil.copy(tmp_path / FILE, tmp_path / "renamed")
    (tmp_path / "table.csv").write_text("error\n1\n")
    assert is_population(tmp_path)
    assert is_population(str(tmp_path / FILE))
    assert is_population(tmp_path / "renamed")
    assert not is_population(tmp_path / "table.csv")
    assert not is_population(tmp_path / "absent")
    with Population.open(tmp_path / "renamed") as population:
        assert len(population) == 1
