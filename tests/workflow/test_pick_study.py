"""benchmarks/pick_study.py: one command for several data sets, which goes on where it was, and its combined test."""

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    place = importlib.util.spec_from_file_location("pick_study", ROOT / "benchmarks" / "pick_study.py")
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    monkeypatch.setitem(sys.modules, "pick_study", module)
    place.loader.exec_module(module)
    return module


def pictures(folder: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    for label in ("bright", "dark"):
        (folder / label).mkdir(parents=True)
        for number in range(30):
            pixels = rng.integers(0, 128, (16, 16, 3), np.uint8) + (127 if label == "bright" else 0)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number}.png")
    return folder


def test_data_sets_are_designed_on_once_and_become_one_table(study: ModuleType, engine: Any, tmp_path: Path) -> None:
    words = [f"{name}={pictures(tmp_path / name, seed)}" for seed, name in enumerate(("one", "two"))]
    table = tmp_path / "pick.csv"
    words += ["--budget", "none", "--seeds", "2", "--out", str(tmp_path / "runs"), "--csv", str(table), "--"]
    words += ["--flops", "0.5M:2M", "--trials", "12", "--epochs", "1", "--final_epochs", "3", "--rungs", "4x2"]
    study.main(words)
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == study.COLUMNS
    assert {(row["dataset"], row["role"]) for row in rows} == {
        (name, role) for name in ("one", "two") for role in ("pick", *study.OPPONENTS)
    }
    assert len(rows) == 2 * 5 * 2
    for name in ("one", "two"):
        seeds = {row["role"]: row["seed"] for row in rows if row["dataset"] == name}
        assert len(set(seeds.values())) == 1  # all have the same
    many = len(engine.trials)
    study.main(words)
    assert len(engine.trials) == many
    assert list(csv.DictReader(table.read_text().splitlines())) == rows


def test_the_combined_test_needs_a_difference(study: ModuleType) -> None:
    def rows(gap: float) -> list[dict[str, Any]]:
        rng = np.random.default_rng(0)
        return [
            {"dataset": name, "role": role, "test_error": 20 + rng.normal(0, 0.5) + gap * (role != "pick")}
            for name in "abcd"
            for role in ("pick", "baseline")
            for _ in range(5)
        ]

    each, p = study.combined(rows(1.0), "baseline")
    assert [dataset for dataset, _, _ in each] == list("abcd")
    assert all(difference < 0 for _, difference, _ in each)
    assert p < 0.001
    assert study.combined(rows(-1.0), "baseline")[1] > 0.999
    same = [row | {"test_error": 20.0} for row in rows(0.0)]
    assert study.combined(same, "baseline")[1] == pytest.approx(0.5)
    assert study.combined(same, "random") == ([], 1.0)
