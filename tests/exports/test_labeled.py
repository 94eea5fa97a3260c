"""Images to calibrate with and to measure with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netwright.data.preprocess import Preprocessing
from netwright.errors import DataError
from netwright.exports.labeled import labeled_images, photographs

GRAY = Preprocessing(image_size=8, channels=1, crop_pct=1.0, mean=(0.0,), std=(1.0,))
DIGITS = tuple(map(str, range(10)))


def test_calibration_has_every_class_and_none_of_what_is_measured() -> None:
    calibration, evaluation = labeled_images("digits", "", DIGITS, 10, calibration=30, evaluation=50)
    labels = calibration.source.labels[calibration.indices]
    assert np.bincount(labels).tolist() == [3] * 10
    assert len(evaluation.indices) == 50
    assert not set(calibration.indices) & set(evaluation.indices)
    again, _ = labeled_images("digits", "", DIGITS, 10, calibration=30, evaluation=50)
    other, _ = labeled_images("digits", "", DIGITS, 10, calibration=30, evaluation=50, seed=1)
    assert np.array_equal(again.indices, calibration.indices)
    assert not np.array_equal(other.indices, calibration.indices)


def test_all_that_is_left_is_measured_where_nothing_is_said() -> None:
    calibration, evaluation = labeled_images("digits", "", (), 10, calibration=300)
    assert len(calibration.indices) + len(evaluation.indices) == len(calibration.source.labels)
    batches = list(evaluation.batches(GRAY, 64))
    assert sum(len(pixels) for pixels, _ in batches) == len(evaluation.indices)
    assert np.array_equal(np.concatenate([out for _, out in batches]), evaluation.source.labels[evaluation.indices])


def test_classes_are_matched_by_name() -> None:
    _, evaluation = labeled_images("digits", "", DIGITS[::-1], 10, calibration=10, evaluation=20)
    assert evaluation.outputs.tolist() == list(range(9, -1, -1))
    with pytest.raises(DataError, match="does not know '0'"):
        labeled_images("digits", "", tuple("abcdefghij"), 10)
    _, unnamed = labeled_images("digits", "", (), 7, calibration=10)
    assert len(unnamed.outputs) == 0
    assert "this one has 7 outputs and the images have 10 classes" in unnamed.unmeasured


def test_without_names_the_order_of_the_outputs_must_be_known(tmp_path: Path) -> None:
    for label in range(1, 13):
        (tmp_path / str(label)).mkdir()
        for i in range(3):
            Image.fromarray(np.full((9, 9, 3), 20 * label + i, np.uint8)).save(tmp_path / str(label) / f"{i}.png")
    _, evaluation = labeled_images("", str(tmp_path), (), 12, calibration=12)
    assert len(evaluation.outputs) == 0
    assert "--class_order natural" in evaluation.unmeasured
    calibration, evaluation = labeled_images("", str(tmp_path), (), 12, calibration=12, order="natural")
    outputs = dict(zip(evaluation.source.class_names, evaluation.outputs.tolist(), strict=True))
    assert outputs == {str(label): label - 1 for label in range(1, 13)}
    assert (calibration.unmeasured, evaluation.unmeasured) == ("", "")


@pytest.mark.parametrize("count", [0, 301])
def test_calibration_is_of_at_most_300(count: int) -> None:
    with pytest.raises(DataError, match="1 to 300"):
        labeled_images("digits", "", DIGITS, 10, calibration=count)


def test_splits_of_folders_and_unreadable_images(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("val", 3)):
        for label in ("cat", "dog"):
            folder = tmp_path / split / label
            folder.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(np.full((9, 9, 3), 10 * i, np.uint8)).save(folder / f"{i}.png")
    (tmp_path / "train" / "cat" / "3.png").write_bytes(b"no image")
    calibration, evaluation = labeled_images("", str(tmp_path), ("cat", "dog"), 2)
    assert "train" in calibration.description
    assert "val" in evaluation.description
    assert len(evaluation.indices) == 6
    assert calibration.pixels(GRAY).shape == (11, 8, 8, 1)
    few, _ = labeled_images("", str(tmp_path), ("cat", "dog"), 2, calibration=4)
    assert 3 <= len(few.pixels(GRAY)) <= 4  # few are enough, and whoever exports is warned
    for path in tmp_path.rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="at least one that can be read is needed"):
        few.pixels(GRAY)


def test_what_is_measured_on_is_the_validation_split_before_the_test_split(tmp_path: Path) -> None:
    for split, count in (("train", 5), ("val", 3), ("test", 4)):
        for label in ("cat", "dog"):
            folder = tmp_path / split / label
            folder.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(np.full((9, 9, 3), 10 * i, np.uint8)).save(folder / f"{i}.png")
    _, evaluation = labeled_images("", str(tmp_path), ("cat", "dog"), 2)
    assert len(evaluation.indices) == 6
    _, evaluation = labeled_images("", str(tmp_path), ("cat", "dog"), 2, val_split="test")
    assert len(evaluation.indices) == 8


def test_some_of_many_are_spread_over_all() -> None:
    _, evaluation = labeled_images("digits", "", DIGITS, 10, calibration=30, evaluation=100)
    part = evaluation.spread(5)
    assert part.indices.tolist() == [int(evaluation.indices[i]) for i in (0, 25, 50, 74, 99)]
    assert part.description == "5 of 100 images of digits that calibration left"
    assert evaluation.spread(100) is evaluation


def test_photographs_differ_and_are_the_same_each_time() -> None:
    pixels = photographs(Preprocessing(image_size=20))
    assert pixels.shape == (32, 20, 20, 3)
    assert len({image.tobytes() for image in pixels}) == 32
    assert np.array_equal(pixels, photographs(Preprocessing(image_size=20)))
    assert pixels.std() > 30


@pytest.mark.parametrize("folders", [("",), ("train", "val"), ("Validation",)])
def test_images_without_classes_are_enough_to_calibrate(tmp_path: Path, folders: tuple[str, ...]) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(exist_ok=True)
        for i in range(6):
            Image.fromarray(np.full((9, 9, 3), 10 * i, np.uint8)).save(tmp_path / folder / f"{i}.png")
    calibration, evaluation = labeled_images("", str(tmp_path), ("cat", "dog"), 2, calibration=4)
    assert calibration.pixels(GRAY).shape == (4, 8, 8, 1)
    assert "without labels" in calibration.description
    assert len(calibration.outputs) == len(evaluation.outputs) == 0
    assert len(evaluation.indices) == (6 if len(folders) > 1 else 2)
    assert not set(calibration.indices) & set(evaluation.indices)
    for label in ("cat", "dog"):  # folders of classes are labels, as before
        (tmp_path / "all" / label).mkdir(parents=True)
        Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "all" / label / "0.png")
    labeled, _ = labeled_images("", str(tmp_path / "all"), ("cat", "dog"), 2, calibration=1)
    assert labeled.outputs.tolist() == [0, 1]
