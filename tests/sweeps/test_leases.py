"""Who has taken what, and who is alive, by files alone."""

import os
import threading
from pathlib import Path

import pytest

from netwright.sweeps.leases import Heart, SilenceMeter, take


def test_one_of_many_takes_a_thing(tmp_path: Path) -> None:
    taken: list[str] = []
    ready = threading.Barrier(16)

    def try_it(name: str) -> None:
        ready.wait()
        if take(tmp_path / "12-0.1", name):
            taken.append(name)

    threads = [threading.Thread(target=try_it, args=(f"w{number}",)) for number in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(taken) == 1
    assert (tmp_path / "12-0.1").read_text() == taken[0]
    assert [path.name for path in tmp_path.iterdir()] == ["12-0.1"]


def test_where_the_disk_has_no_hard_links_one_takes_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    assert take(tmp_path / "1", "a")
    assert not take(tmp_path / "1", "b")
    assert (tmp_path / "1").read_text() == "a"


def test_a_link_whose_answer_was_lost_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network disk repeats the request, and the second one finds the file that the first one made."""
    link = os.link

    def twice(*words: Path) -> None:
        link(*words)
        link(*words)

    monkeypatch.setattr(os, "link", twice)
    assert take(tmp_path / "1", "a")


def test_a_worker_is_gone_when_it_shows_nothing_for_long_by_the_clock_of_who_looks(tmp_path: Path) -> None:
    clock = [0.0]
    meter = SilenceMeter(tmp_path, 10.0, now=lambda: clock[0])
    with Heart(tmp_path, 1000.0) as heart:
        for clock[0] in (0.0, 9.0, 30.0):
            heart.beat()
            assert not meter.is_gone("1.1", heart.name)
        clock[0] = 39.0
        assert not meter.is_gone("1.1", heart.name)
        clock[0] = 41.0
        assert meter.is_gone("1.1", heart.name)
        heart.beat()  # it was only slow
        assert not meter.is_gone("1.1", heart.name)
    assert meter.is_gone("1.1", heart.name)  # it took its leave


def test_who_ended_before_it_wrote_its_name_is_given_up(tmp_path: Path) -> None:
    clock = [0.0]
    meter = SilenceMeter(tmp_path, 10.0, now=lambda: clock[0])
    assert not meter.is_gone("1.1", "")
    clock[0] = 11.0
    assert meter.is_gone("1.1", "")
    assert not meter.is_gone("2.1", "")


def test_a_heart_beats_by_itself(tmp_path: Path) -> None:
    with Heart(tmp_path, 0.08) as heart:
        first = (tmp_path / heart.name).read_bytes()
        changed = threading.Event()
        for _ in range(500):
            if (tmp_path / heart.name).read_bytes() not in (first, b""):
                changed.set()
                break
            changed.wait(0.01)
        assert changed.is_set()
