"""What is told of an export."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netwright.exports.check import Agreement
from netwright.exports.exported import Accuracy, Check, Exported, Speed
from netwright.runtime.info import info_of
from netwright.stats.paired import Paired
from netwright.weights import LoadedModel


@pytest.fixture
def done(color: LoadedModel) -> Exported:
    checks = (Check(Agreement(40, 0.02, 0.1, 1.0), "40 seen"), Check(Agreement(64, 0.04, 0.3, 0.98), "64 unseen"))
    accuracy = Accuracy(Paired(1690, 8, 6, 296), "2,000 images of a test")
    speed = (Speed(1, (50.0, 1.0, 3.0), (9.0, 10.0, 80.0)), Speed(32, (20.0,), (40.0,)))
    files = (Path("a.bin"), Path("a.xml"))
    return Exported(Path("a.xml"), files, info_of(color, precision="int8"), checks, 250_000, 1_000_000, accuracy, speed)


def test_before_stands_before_after(done: Exported) -> None:
    rows = [line.split() for line in done.table().splitlines()]
    assert rows[0] == ["torch", "fp32", "int8"]
    assert rows[1] == ["size", "1.00", "MB", "0.25", "MB"]
    assert rows[2] == ["top-1", "84.90%", "84.80%"]
    assert rows[3] == ["images/s", "at", "batch", "1", "3.0", "10.0"]
    assert rows[4] == ["images/s", "at", "batch", "32", "20.0", "40.0"]
    assert done.table().endswith(
        "both are right on 1,690 of 2,000 images, the network alone on 8, the export alone on 6, neither on 296: -0.10 "
        "points (95% interval -0.52 to +0.30, McNemar's p 0.79)"
    )


def test_speed_beside_other_programs_is_not_taken_for_granted(done: Exported) -> None:
    alone, beside = Speed(1, (1.0,), (2.0,), 0.1), Speed(32, (1.0,), (2.0,), 1.84)
    told = replace(done, speed=(alone, beside)).table().splitlines()
    assert [line for line in told if "other programs" in line] == told[-1:]
    assert "other programs used 1.8 processors while batch 32 was measured" in told[-1]
    assert Speed(1, (1.0,), (2.0,)).warning == ""  # where the system does not tell
    assert beside.to_dict()["others"] == 1.84


def test_a_table_has_what_was_measured(done: Exported, make: Callable[..., LoadedModel]) -> None:
    bare = Exported(done.path, done.files, done.info, done.checks, done.size, done.source_size)
    assert len(bare.table().splitlines()) == 2
    assert (bare.to_dict()["accuracy"], bare.to_dict()["speed"]) == (None, [])


def test_the_last_check_is_of_unseen_images(done: Exported) -> None:
    assert (done.agreement.images, done.checked_on) == (64, "64 unseen")


def test_the_old_name_of_checked_on_warns(done: Exported) -> None:
    with pytest.warns(DeprecationWarning, match=r"Exported\.checked is now Exported\.checked_on"):
        assert done.checked == "64 unseen"


def test_all_of_it_is_json(done: Exported) -> None:
    plain = json.loads(json.dumps(done.to_dict()))
    assert plain["size"] == {"source": 1_000_000, "exported": 250_000}
    assert [each["on"] for each in plain["checks"]] == ["40 seen", "64 unseen"]
    assert plain["agreement"] == {
        "images": 64,
        "difference": 0.04,
        "largest": 0.3,
        "agreement": 0.98,
        "on": "64 unseen",
    }
    top1 = plain["accuracy"]
    assert (top1["images"], top1["source"], top1["exported"]) == (2000, 0.849, 0.848)
    assert top1["pairs"]["only_source"] == 8
    assert plain["speed"][0] == {
        "batch": 1,
        "source": 3.0,
        "exported": 10.0,
        "source_turns": [50.0, 1.0, 3.0],
        "exported_turns": [9.0, 10.0, 80.0],
        "others": None,
    }
