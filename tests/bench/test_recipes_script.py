"""benchmarks/recipes.py with its smallest settings, and what it puts together."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def variants() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("recipe_variants", FOLDER / "recipe_variants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def result(variants: ModuleType, name: str, accuracy: float, epoch: int = 10) -> dict[str, Any]:
    settings = variants.Settings(epochs=10).with_(**variants.VARIANTS.get(name, {})).to_dict()
    return {"variant": name, "seed": 0, "val": accuracy, "epoch": epoch, "epochs": 10, "settings": settings}


def test_all_variants_take_about_the_same_time(variants: ModuleType) -> None:
    base = variants.Settings(epochs=60)
    assert base.actual_epochs == 60
    assert base.with_(flops=2 * base.flops).actual_epochs == 30
    assert base.with_(sides=(1.0, 1.0)).actual_epochs == round(60 * 0.75**2)
    for changes in variants.VARIANTS.values():
        assert base.with_(**changes).actual_epochs > 1


def test_the_best_changes_are_put_together_where_they_can_be(variants: ModuleType) -> None:
    results = [
        result(variants, variants.BASE, 60.0),
        result(variants, "lr x2", 64.0),
        result(variants, "batch 32", 63.0),  # another learning rate too
        result(variants, "scale 0.2", 62.0),
        result(variants, "cutmix", 59.0),  # worse than the base
        result(variants, "trivial", 70.0, epoch=4),  # cut off
    ]
    tasks = variants.combined(results)
    assert [name for name, _, _ in tasks] == [
        *("lr x2 + scale 0.2", "lr x2", "batch 32", "scale 0.2"),
        "lr x2 + scale 0.2",
    ]
    assert [seed for _, _, seed in tasks] == [0, 1, 1, 1, 1]
    assert (tasks[0][1].lr, tasks[0][1].scale, tasks[0][1].batch_size) == (0.14, 0.2, 64)
    assert variants.combined(results[1:]) == []


@pytest.mark.slow
def test_it_trains_variants_and_writes_what_they_reach(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label in range(2):
        (tmp_path / "photos" / f"class{label}").mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(0, 120, (36, 40, 3)) + 120 * label
            Image.fromarray(pixels.astype("uint8")).save(tmp_path / "photos" / f"class{label}" / f"{i}.jpg")
    only = ("lr x2", "trivial", "side 0.5-1", "erase 0.25", "adamw")
    words = ["--data_dir", tmp_path / "photos", "--out", tmp_path / "out", "--resolution", "32", "--epochs", "1"]
    command = [sys.executable, FOLDER / "recipes.py", *words, "--num_samples", "16", "--only", *only]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True, timeout=300)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert sorted(each["variant"] for each in results) == sorted(only)
    assert all(0 <= each["val"] <= 100 and each["done"] for each in results)
    lines = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
    assert {json.loads(line)["variant"] for line in lines} == set(only)
    assert "val_loss" in done.stdout
