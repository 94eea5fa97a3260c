"""Files of version 0.1, which do not say whose fault a failure is: they are read, resumed, and retried."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from netwright.population import FILE, Population

GOLDEN = Path(__file__).parents[1] / "golden" / "v0_1" / "design"
DIVERGED, KILLED = "diverged: the loss became nan", "the worker was killed (signal 9): out of memory is the usual cause"


@pytest.fixture
def old(create, tmp_path):
    """The folder of one with a trial that diverged and one that was killed."""
    with create(5) as population:
        population.finish(0, error=1.0, seconds=1.0, curve=[])
        population.fail(1, DIVERGED)
        population.fail(2, KILLED)
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute("ALTER TABLE trials DROP COLUMN failure")
        db.commit()
    return tmp_path


def known(population, column):
    return [None if value != value else value for value in population.frame()[column]]


def columns(folder):
    with closing(sqlite3.connect(folder / FILE)) as db:
        return [row[1] for row in db.execute("PRAGMA table_info(trials)")]


def test_whose_fault_it_was_is_read_from_the_reasons(old):
    before = (old / FILE).read_bytes()
    with Population.open(old) as population:
        assert known(population, "failure") == [None, "network", "machine", None, None]
        assert population.failures() == {"network": {DIVERGED: 1}, "machine": {KILLED: 1}}
    assert (old / FILE).read_bytes() == before


def test_they_are_read_where_nothing_can_be_written(old):
    for end in ("wal", "shm"):
        (old / f"{FILE}-{end}").mkdir()
    try:
        with Population.open(old) as population:
            assert known(population, "failure")[1:3] == ["network", "machine"]
    finally:
        for end in ("wal", "shm"):
            (old / f"{FILE}-{end}").rmdir()


def test_they_are_resumed_and_keep_what_they_know(old, resume):
    assert "failure" not in columns(old)
    with resume(6) as population:
        population.begin(3)
        population.finish(3, error=2.0, seconds=1.0, curve=[])
        population.fail(4, "no result within 5 s (--trial_timeout)")
        assert known(population, "failure") == [None, "network", "machine", None, "machine", None]
    assert "failure" in columns(old)


def test_they_are_retried(old):
    with Population.open(old) as population:
        assert population.retry_failed() == 1
        assert population.frame()["state"].tolist() == ["done", "failed", "waiting", "waiting", "waiting"]
        assert known(population, "reason") == [None, DIVERGED, None, None, None]


def test_what_version_0_1_adds_to_a_file_of_today_is_understood(create, tmp_path):
    with create(2) as population:
        population._db.execute("UPDATE trials SET state = 'failed', reason = ? WHERE trial = 1", (KILLED,))
        assert known(population, "failure") == [None, "machine"]
        assert population.retry_failed() == 1


@pytest.mark.parametrize("folder", [".", "refined", "final"])
def test_those_that_it_wrote(folder, tmp_path):
    shutil.copytree(GOLDEN / folder, tmp_path / "run")
    with Population.open(tmp_path / "run") as population:
        frame = population.frame()
        assert frame["failure"].notna().tolist() == (frame["state"] == "failed").tolist()
        assert len(frame)
        population.record_session({"versions": {}}, {}, finished=len(frame))
        assert population.notes["provenance"]["unrecorded"] == len(frame)
