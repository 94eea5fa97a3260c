"""Picks: who may be the best, and images whose test split no pick has learned."""

import csv
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.populations import made_population

from netwright.data.cut import Cut
from netwright.data.digits import open_digits
from netwright.data.sources import open_source
from netwright.population import Population
from netwright.report.view import PopulationView
from netwright.studio.leaders import leaders
from netwright.studio.pick_images import images_of_pick

Start = Callable[..., AbstractContextManager[Any]]


def test_the_best_by_bootstrap_are_those_that_noise_could_make_the_best(start: Start, tmp_path: Path) -> None:
    folder = made_population(tmp_path / "runs" / "a", "anynetx_e", 60, failed=0.05)
    with Population.open(folder) as population:
        population.record_session({"command": "", "threads": 1}, {"validation": 287}, finished=0)
    with start(tmp_path / "runs") as studio:
        found = studio.get("best", p="a")
        chances = [each["chance"] for each in found["networks"]]
        assert "287 validation images" in found["how"]
        assert 1 < len(chances) <= 16
        assert chances == sorted(chances, reverse=True)
        assert found["covered"] == pytest.approx(sum(chances))
        best = int(studio.studio.populations.open("a").view.done.iloc[0]["trial"])
        assert found["networks"][0]["trial"] == best
        narrowed = studio.get("best", p="a", where=f"trial != {best}")
        assert best not in [each["trial"] for each in narrowed["networks"]]


def test_without_noise_it_is_the_best_of_a_drawn_quarter(start: Start, tmp_path: Path) -> None:
    made_population(tmp_path / "runs" / "a", "anynetx_e", 40, failed=0.0)
    with start(tmp_path / "runs") as studio:
        found = studio.get("best", p="a")
        assert "quarter" in found["how"]
        # DDS section 3.2: 10 of 40, with replacement
        assert found["networks"][0]["chance"] == pytest.approx(1 - (39 / 40) ** 10)
        opened = studio.studio.populations.open("a")
        same = PopulationView("same", opened.view.frame.assign(error=30.0))
        chances = [each["chance"] for each in leaders(opened, same)["networks"]]
        assert chances == pytest.approx([1 / 40] * 16)


@pytest.mark.slow
def test_digits_are_cut_as_the_sweep_cut_them(tmp_path: Path) -> None:
    digits, sweep = open_digits(), tmp_path / "a"
    cut = Cut(3)
    splits = cut.again(digits)
    sweep.mkdir()
    facts = {"format": 1, "data_dir": "digits"} | cut.of(digits, splits).to_dict()
    (sweep / "images.json").write_text(json.dumps(facts), encoding="utf-8")
    images = images_of_pick(sweep, "digits", tmp_path / "picks")
    assert (images.has_test, images.has_validation) == (True, True)
    images.write("digits")
    source = open_source(images.data_dir)
    assert {name: len(rows) for name, rows in source.splits.items()} == {
        "train": len(splits.train),
        "validation": len(splits.validation),
        "test": len(splits.test),
    }
    first = source.splits["test"][0]
    assert np.array_equal(source.read(first).data, digits.read(splits.test[0]).data)
    assert source.class_names == digits.class_names


def test_a_folder_without_splits_is_given_a_table_of_labels(tmp_path: Path) -> None:
    from PIL import Image

    photos = tmp_path / "photos"
    for name in ("cat", "dog"):
        (photos / name).mkdir(parents=True)
        for i in range(10):
            color = (20 * i, 200 if name == "cat" else 10, 90)
            Image.new("RGB", (8, 8), color).save(photos / name / f"{i}.png")
    images = images_of_pick(tmp_path / "a", str(photos), tmp_path / "picks")
    images.write(str(photos))
    assert images.written is not None
    with images.written.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    source = open_source(images.data_dir)
    assert len(source.labels) == 20
    assert len(source.splits["test"]) == sum(row["split"] == "test" for row in rows)


def test_files_of_a_pick_are_those_that_are_listed(full: Any) -> None:
    (pick,) = [each for each in full.get("picks")["picks"] if each["name"] == "a-t1"]
    assert pick["files"] == ["a-t1.yaml", "made_best.safetensors"]
    assert pick["test"]["top1"] == 71.5
    assert pick["train"].startswith("netwright train ")
    answer = full.client.get("/api/pick_file", params={"name": "a-t1", "file": "made_best.safetensors"})
    assert answer.content == b"weights"
    assert "attachment" in answer.headers["content-disposition"]
    for file in ("../a-t1.json", "a-t1.json", "training.yaml", "/etc/passwd", ""):
        answer = full.client.get("/api/pick_file", params={"name": "a-t1", "file": file})
        assert answer.status_code == 404, file
    assert full.client.get("/api/pick_file", params={"name": "../a", "file": "x"}).status_code == 422
