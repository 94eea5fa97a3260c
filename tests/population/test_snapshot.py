from pathlib import Path

import pytest
from fixtures.populations import made_population

from netwright.errors import PopulationError
from netwright.population import FILE, Population, mark_of, snapshot
from netwright.system.lock import holder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_snapshot_is_the_population_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = made_population(tmp_path / "a", "anynetx_e", 12, done=0.5)
    before, content = names(folder), (folder / FILE).read_bytes()
    copy = snapshot(folder)
    with Population.open(folder) as population:
        assert copy.frame().equals(population.frame())
        assert copy.identity == population.identity
        assert copy.counts() == population.counts()
    copy.close()
    assert names(folder) == before
    assert (folder / FILE).read_bytes() == content


def test_a_snapshot_has_what_is_committed_and_holds_up_nobody(tmp_path: Path) -> None:
    folder = made_population(tmp_path / "a", "anynetx_e", 12, done=0.5)
    mark = mark_of(folder / FILE)
    with Population.open(folder) as population:
        population.begin(6)
        first = snapshot(folder)
        population.finish(6, error=1.5, seconds=1.0, curve=[])
        second = snapshot(folder / FILE)
        population.finish(7, error=2.5, seconds=1.0, curve=[])
        assert first.counts()["running"] == 1
        assert (second.counts()["done"], second.counts()["running"]) == (7, 0) or second.counts()["failed"]
        assert mark_of(folder / FILE) != mark
    assert snapshot(folder).counts() != second.counts()


def test_what_is_no_population_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="there is no population"):
        snapshot(tmp_path)
    (tmp_path / FILE).write_bytes(b"SQLite format 3\0 and nothing more")
    with pytest.raises(PopulationError, match="not a population that can be read"):
        snapshot(tmp_path)


def test_a_light_frame_lacks_only_what_takes_long(tmp_path: Path) -> None:
    folder = made_population(tmp_path / "a", "anynetx_e", 12)
    with Population.open(folder) as population:
        light, whole = population.frame(light=True), population.frame()
    assert list(light) == list(whole)
    rest = [name for name in whole if name not in ("e_fit", "curve")]
    assert light[rest].equals(whole[rest])
    assert light["e_fit"].isna().all()
    assert not light["curve"].map(bool).any()


def test_the_holder_of_a_lock_is_known_without_locking(tmp_path: Path) -> None:
    import os

    folder = made_population(tmp_path / "a", "anynetx_e", 12)
    assert holder(folder) is None
    with Population.open(folder) as population:
        with population.lock():
            assert holder(folder) == os.getpid()
        assert holder(folder) is None
