"""Labels in tables, archives, shards and arrays: the same images for trials, training, validation and prediction."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.test_labeled import images, rows
from data.test_packed import folder_files, png, shard, write_zip

from netwright.data import load_images
from netwright.loader import open_splits
from netwright.recipe import TrainConfig

Run = Callable[..., Any]


def with_table(folder: Path) -> str:
    images(folder / "photos", 40)
    (folder / "photos" / "labels.csv").write_text("image,label\n" + rows(40))
    return f"{folder}/photos?labels=labels.csv"


def as_zip(folder: Path) -> str:
    files = {f"photos/{('ant', 'bee')[n % 2]}/{n}.png": png(("ant", "bee")[n % 2], n) for n in range(40)}
    return str(write_zip(folder / "photos.zip", files))


def as_shards(folder: Path) -> str:
    for place in range(2):
        (folder / f"{place:04d}.tar").write_bytes(shard(20 * place, 20))
    return str(folder)


def as_arrays(folder: Path) -> str:
    labels = np.arange(40) % 2
    pixels = np.random.default_rng(0).integers(0, 99, (40, 16, 16, 3)) + 100 * labels[:, None, None, None]
    np.savez(folder / "set.npz", images=pixels.astype(np.uint8), labels=labels)
    return f"{folder}/set.npz"


@pytest.mark.parametrize("write", [with_table, as_zip, as_shards, as_arrays])
def test_trials_and_trainings_read_the_same_images(tmp_path: Path, write: Callable[[Path], str]) -> None:
    data_dir = write(tmp_path)
    of_trials = load_images(data_dir, resolution=16)  # of design and sweep
    train, validation = open_splits(TrainConfig().with_(data_dir=data_dir, val_fraction=0.2))  # of train and validate
    assert validation is not None
    assert of_trials.class_names == train.class_names
    assert len(of_trials.images) == len(train) + len(validation) == 40
    assert of_trials.labels.tolist() == train.source.labels.tolist()


@pytest.mark.slow
def test_a_table_of_labels_in_every_command(netwright: Run, tmp_path: Path) -> None:
    with_table(tmp_path)
    where = ("--data_dir", tmp_path / "photos", "--labels", "labels.csv")
    small = ("--trials", 2, "--epochs", 1, "--workers", 1, "--out", tmp_path / "swept")
    swept = netwright("sweep", "regnetx", "--max_flops", "1M", "--resolution", 16, *where, *small)
    assert swept.status == 0, swept.err
    recipe = ("--image_size", 32, "--batch_size", 8, "--epochs", 1, "--workers", 0, "--val_fraction", 0.2)
    recipe += ("--validate", "--stem", "cifar", "--model", "regnet_x_200mf", "--out", tmp_path / "run")
    trained = netwright("train", *where, *recipe)
    assert trained.status == 0, trained.err
    remembered = json.loads((tmp_path / "run" / "images.json").read_text())["data_dir"]
    assert remembered == f"{tmp_path}/photos?labels={tmp_path}/photos/labels.csv"
    # the run knows where its images and labels are
    measured = netwright("validate", tmp_path / "run")
    assert measured.status == 0, measured.err
    assert "8 images, 2 classes" in measured.out
    again = netwright("validate", tmp_path / "run", *where, "--split", "all")
    assert "40 images, 2 classes" in again.out
    archive = write_zip(tmp_path / "some.zip", folder_files())
    predicted = netwright("predict", tmp_path / "run", archive, "--format", "json")
    assert len(json.loads(predicted.out)["predictions"]) == 36
    checked = netwright("data", "check", tmp_path / "photos", "--labels", "labels.csv", "--json")
    assert json.loads(checked.out)["classes"] == {"ant": {"all": 20}, "bee": {"all": 20}}
