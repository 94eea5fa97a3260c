"""A full disk, as SQLite reports it: PRAGMA max_page_count makes the real error SQLITE_FULL."""

import json
import sqlite3

import pytest

from netwright.errors import OutputError
from netwright.population import FILE, Population

CURVE = [{"epoch": epoch, "loss": 1 / 3, "error": 100 / 3} for epoch in range(200)]


def fill(population: Population) -> None:
    """From here on the file cannot grow."""
    pages = population._db.execute("PRAGMA page_count").fetchone()[0]
    population._db.execute(f"PRAGMA max_page_count = {pages}")


def free(population: Population) -> None:
    population._db.execute("PRAGMA max_page_count = 1000000")


def test_a_result_that_finds_no_room_is_told_and_nothing_is_lost(create):
    with create(4) as population:
        population.begin(0)
        population.finish(0, error=10.0, seconds=1.0, curve=CURVE)
        population.begin(1)
        before = population.frame()
        fill(population)
        with pytest.raises(OutputError, match=r"database or disk is full\. Every finished trial is kept; free some"):
            population.finish(1, error=20.0, seconds=1.0, curve=CURVE)
        assert population.frame().equals(before)
        with pytest.raises(OutputError, match="full"):
            population.fail(1, "x" * 100_000)
        free(population)
        population.finish(1, error=20.0, seconds=1.0, curve=CURVE)
        assert population.errors() == [10.0, 20.0]


def test_an_extension_that_finds_no_room_adds_nothing(create, networks, tmp_path):
    with create(2) as population:
        fill(population)
        with pytest.raises(OutputError, match="database or disk is full"):
            population.extend(networks(100))
        assert len(population) == 2
        free(population)
        population.extend(networks(100))
    with Population.open(tmp_path) as population:
        assert len(population) == 100


def test_creation_that_finds_no_room_leaves_nothing(tmp_path, networks, monkeypatch):
    connect = sqlite3.connect

    def small(*arguments: object, **options: object) -> sqlite3.Connection:
        db = connect(*arguments, **options)
        db.execute("PRAGMA max_page_count = 4")
        return db

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(OutputError, match="database or disk is full"):
        Population.create(tmp_path, networks=networks(200), seed=0, identity={})
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_where_nothing_can_be_written_it_can_still_be_read(create, tmp_path):
    with create(2) as population:
        population.finish(0, error=10.0, seconds=1.0, curve=CURVE)
    # a folder in the place of SQLite's log: as on a read-only or full disk, none can be made
    (tmp_path / f"{FILE}-wal").mkdir()
    (tmp_path / f"{FILE}-shm").mkdir()
    try:
        with Population.open(tmp_path) as population:
            assert population.errors() == [10.0]
            with pytest.raises(OutputError, match="cannot be written"):
                population.begin(1)
    finally:
        (tmp_path / f"{FILE}-wal").rmdir()
        (tmp_path / f"{FILE}-shm").rmdir()


def test_a_curve_is_stored_as_it_is(create):
    with create(1) as population:
        population.finish(0, error=1.0, seconds=1.0, curve=CURVE)
        assert json.dumps(population.frame()["curve"][0]) == json.dumps(CURVE)
