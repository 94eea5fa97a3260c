from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netwright.data import open_source
from netwright.data.array_files import source_of_arrays
from netwright.data.source import ImageSource
from netwright.errors import DataError
from netwright.testing import SourceContract


def arrays(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(n) % 2
    pixels = np.random.default_rng(seed).integers(0, 100, (n, 8, 8, 3), dtype=np.uint8)
    return pixels + (100 * labels[:, None, None, None]).astype(np.uint8), labels


class TestNpz(SourceContract):
    def write_images(self, folder: Path) -> None:
        (x_train, y_train), (x_test, y_test) = arrays(20), arrays(14, seed=1)
        np.savez(folder / "set.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)

    def open_source(self, folder: Path) -> ImageSource:
        return open_source(folder / "set.npz")


class TestNpy(SourceContract):
    def write_images(self, folder: Path) -> None:
        for split, n in (("train", 20), ("val", 14)):
            images, labels = arrays(n, seed=n)
            np.save(folder / f"{split}_images.npy", images)
            np.save(folder / f"{split}_labels.npy", labels[:, None])  # as MedMNIST has them

    def open_source(self, folder: Path) -> ImageSource:
        return open_source(folder)


@pytest.mark.parametrize("form", ["NHW", "NCHW", "float"])
def test_other_forms_have_the_same_pixels(tmp_path: Path, form: str) -> None:
    images, labels = arrays(6)
    given = {"NHW": images[..., 0], "NCHW": images.transpose(0, 3, 1, 2), "float": images / 255}[form]
    np.savez(tmp_path / "a.npz", images=given, labels=labels, class_names=["ant", "bee"])
    source = open_source(tmp_path / "a.npz")
    expected = images[..., :1] if form == "NHW" else images
    assert np.array_equal(np.stack([np.asarray(source.read(n).data) for n in range(6)]), expected)
    assert source.class_names == ("ant", "bee")


def test_names_as_labels() -> None:
    images, _ = arrays(4)
    source = source_of_arrays({"all": (images, ["bee", "ant", "bee", "ant"])})
    assert (source.class_names, source.labels.tolist()) == (("ant", "bee"), [1, 0, 1, 0])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"a": np.zeros(3)}, "are called images and labels, or x and y"),
        ({"images": np.zeros((3, 8, 8), np.uint8), "labels": np.zeros(4, int)}, "3 images and 4 labels"),
        ({"images": np.full((3, 8, 8), -1.0), "labels": np.zeros(3, int)}, "and those of all are float64 from -1.0"),
        ({"images": np.zeros((3, 8), np.uint8), "labels": np.zeros(3, int)}, r"those of all are \(3, 8\)"),
        ({"images": np.zeros((3, 8, 8), np.uint8), "labels": np.zeros(3)}, "labels are whole numbers or names"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: dict[str, np.ndarray], says: str) -> None:
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(DataError, match=says):
        open_source(tmp_path / "a.npz")


def test_objects_are_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.array([{}, {}]), allow_pickle=True)
    np.save(tmp_path / "labels.npy", np.array([0, 1]))
    with pytest.raises(DataError, match="cannot be read"):
        open_source(tmp_path)
