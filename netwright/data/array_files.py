"""Images as numpy arrays: an .npz, or .npy files in a folder, with images and labels of each split."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from netwright.data.array import ArraySource, join_parts
from netwright.data.class_names_file import read_class_names
from netwright.data.source import SPLIT_NAMES, IntArray, Pixels, listed
from netwright.errors import DataError

__all__ = ["find_arrays", "open_arrays", "source_of_arrays"]

_IMAGES = ("images", "image", "x", "imgs", "data", "pixels")
_LABELS = ("labels", "label", "y", "targets", "target", "classes")
_NAMES = ("class_names", "names")
_Arrays = Mapping[str, npt.NDArray[np.generic]]


def find_arrays(root: Path) -> bool:
    """Whether a folder has .npy files of images and labels."""
    return _pairs([path.stem for path in root.glob("*.npy")]) != {}


def open_arrays(path: Path, class_file: Path | None = None) -> ArraySource:
    """Make a source of an .npz file, or of the .npy files of a folder.

    Arrays are called images and labels, or x and y, with the name of a split before or after where there are splits:
    train_images, x_test. An array class_names has the names of classes.

    Raises:
        DataError: There are no such arrays, or they do not fit together.
    """
    arrays: _Arrays
    try:
        if path.is_dir():
            arrays = {each.stem: np.load(each, mmap_mode="r", allow_pickle=False) for each in path.glob("*.npy")}
        else:
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"the arrays in {path} cannot be read: {error}. Save numbers, without objects.") from error
    pairs = _pairs(arrays)
    if not pairs:
        raise DataError(
            "arrays of images are called images and labels, or x and y, with the name of a split where there are "
            f"splits, and {path} has {listed(sorted(arrays))}. Rename them."
        )
    parts = {split: (arrays[image], arrays[label]) for split, (image, label) in pairs.items()}
    names = next(([str(name) for name in arrays[key]] for key in _NAMES if key in arrays), None)
    if class_file is not None:
        names = list(read_class_names(class_file))
    return source_of_arrays(parts, names, name=path.stem)


def source_of_arrays(
    parts: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    class_names: Sequence[str] | None = None,
    name: str = "arrays",
) -> ArraySource:
    """Make a source of arrays in memory.

    Args:
        parts: Split (train, validation, test; or all alone) -> images and labels. Images are (N, H, W), (N, H, W, C) or
            (N, C, H, W), uint8, or floating point from 0 to 1; labels (N,) or (N, 1) whole numbers, or names.
        class_names: In the order of the labels; by default the labels themselves.
        name: Of the data set.

    Raises:
        DataError: They are not so, or the splits have images of other sizes.
    """
    images = {split: _pixels(np.asarray(each), split) for split, (each, _) in parts.items()}
    labels = {split: np.asarray(each).reshape(-1) for split, (_, each) in parts.items()}
    for split, own in labels.items():
        if len(own) != len(images[split]):
            raise DataError(
                f"each image has a label, and of {split} there are {len(images[split]):,} images and {len(own):,} "
                "labels."
            )
    shapes = {each.shape[1:] for each in images.values()}
    if len(shapes) > 1:
        raise DataError(
            f"the images of all splits have one size, and here there are {listed(sorted(map(str, shapes)))}."
        )
    names, numbered = _numbered(labels, class_names)
    return join_parts(name, names, {split: (images[split], numbered[split]) for split in parts})


def _numbered(
    labels: Mapping[str, npt.NDArray[np.generic]], names: Sequence[str] | None
) -> tuple[Sequence[str], dict[str, IntArray]]:
    together = np.concatenate([*labels.values()])
    if names is not None and together.dtype.kind in "iub":
        low, high = int(together.min()), int(together.max())
        if not 0 <= low <= high < len(names):
            raise DataError(f"labels are 0 to {len(names) - 1} ({len(names)} class names), and there is {high}.")
        return names, {split: each.astype(np.int64) for split, each in labels.items()}
    if together.dtype.kind not in "iubUS":
        raise DataError(f"labels are whole numbers or names, not {together.dtype}. Convert them.")
    values = np.unique(together)
    texts = [value.decode() if isinstance(value, bytes) else str(value) for value in values.tolist()]
    return texts, {split: np.searchsorted(values, each).astype(np.int64) for split, each in labels.items()}


def _pixels(images: npt.NDArray[np.generic], split: str) -> Pixels:
    """(N, H, W, C) uint8."""
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim == 4 and images.shape[3] not in (1, 3, 4) and images.shape[1] in (1, 3, 4):
        images = images.transpose(0, 2, 3, 1)
    if images.ndim != 4:
        raise DataError(f"images are (N, H, W), (N, H, W, C) or (N, C, H, W), and those of {split} are {images.shape}.")
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    if images.dtype.kind == "f" and images.size and images.min() >= 0 and images.max() <= 1:
        return np.asarray(np.rint(images.astype(np.float32) * 255), dtype=np.uint8)
    if images.dtype.kind in "iuf" and images.size and images.min() >= 0 and images.max() <= 255:
        return np.asarray(np.rint(images), dtype=np.uint8)
    raise DataError(
        f"pixels are uint8, or numbers from 0 to 1 or 0 to 255, and those of {split} are {images.dtype} from "
        f"{images.min()} to {images.max()}. Convert them."
    )


def _pairs(names: Mapping[str, object] | Sequence[str]) -> dict[str, tuple[str, str]]:
    """Split -> the names of its images and labels."""
    found: dict[str, dict[str, str]] = {}
    for name in sorted(names):
        words = re.findall("[a-z]+", name.lower())
        split = next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "all")
        for role, known in (("images", _IMAGES), ("labels", _LABELS)):
            if any(word in known for word in words):
                found.setdefault(split, {}).setdefault(role, name)
    pairs = {split: (own["images"], own["labels"]) for split, own in found.items() if len(own) == 2}
    return {split: pair for split, pair in pairs.items() if split != "all" or len(pairs) == 1}
