"""Images to calibrate with and to compare an export with its network: of a data set, or two bundled photographs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy import typing as npt

from netwright.data.class_order import usual_order
from netwright.data.classes import match_classes
from netwright.data.data_path import is_digits
from netwright.data.dataset import open_dataset
from netwright.data.preprocess import Preprocessing
from netwright.data.source import SPLIT_NAMES, ImageSource, IntArray, Pixels
from netwright.errors import DataError
from netwright.exports.unlabeled import open_unlabeled

if TYPE_CHECKING:
    from netwright.weights import LoadedModel

__all__ = [
    "FEWEST",
    "FEW_CALIBRATION",
    "MOST_CALIBRATION",
    "Labeled",
    "images_of",
    "labeled_images",
    "photographs",
    "refuse_calibration",
    "spread_classes",
]

MOST_CALIBRATION = 300  # with fewer, ranges of activations are stable already
FEW_CALIBRATION = 32  # with fewer, values beyond their ranges are likely: a warning says so

_CROPS = 32
FEWEST = 8  # images that are compared


@dataclass(frozen=True, slots=True, eq=False)
class Labeled:
    """Some images of a source.

    Attributes:
        source: The images.
        indices: (N,) int64, these of the source.
        outputs: (labels,) int64, the network's output of each label; empty where these are not known.
        description: Which images, for people.
        unmeasured: Why no accuracy is measured on them; empty where it is.
    """

    source: ImageSource
    indices: IntArray
    outputs: IntArray
    description: str
    unmeasured: str = ""

    def batches(self, preprocessing: Preprocessing, size: int) -> Iterator[tuple[Pixels, IntArray]]:
        """(n, H, W, C) uint8 with (n,) outputs; unreadable images are left out."""
        pixels, outputs = [], []
        for index in self.indices:
            try:
                item = self.source.read(int(index))
                pixels.append(preprocessing.pixels(item.data))
            except (DataError, OSError):
                continue
            outputs.append(int(self.outputs[item.label]) if len(self.outputs) else -1)
            if len(pixels) == size:
                yield np.stack(pixels), np.array(outputs, dtype=np.int64)
                pixels, outputs = [], []
        if pixels:
            yield np.stack(pixels), np.array(outputs, dtype=np.int64)

    def spread(self, most: int) -> Labeled:
        """At most so many of them, evenly spaced: sources have their classes one after the other."""
        if len(self.indices) <= most:
            return self
        chosen = np.linspace(0, len(self.indices) - 1, most).round().astype(np.int64)
        return replace(self, indices=self.indices[chosen], description=f"{most:,} of {self.description}")

    def pixels(self, preprocessing: Preprocessing) -> Pixels:
        """All of them, (N, H, W, C) uint8; DataError if none can be read."""
        batches = [pixels for pixels, _ in self.batches(preprocessing, 32)]
        if not batches:
            raise DataError(f"{self.description}: at least one that can be read is needed. Add images.")
        return np.concatenate(batches)


def labeled_images(
    dataset: str,
    data_dir: str,
    class_names: Sequence[str],
    num_classes: int,
    *,
    calibration: int = MOST_CALIBRATION,
    evaluation: int | None = None,
    train_split: str = "train",
    val_split: str = "validation",
    seed: int = 0,
    order: str = "",
) -> tuple[Labeled, Labeled]:
    """Choose images for int8; none is in both parts.

    Args:
        dataset: As in `netwright train`.
        data_dir: As in `netwright train`.
        class_names: Of the network's outputs, or empty.
        num_classes: Outputs of the network.
        calibration: Images of the training split, equally many of each class where there are enough. A folder that
            holds its images directly, without classes, is enough; then nothing is measured.
        evaluation: At most so many; None for all.
        train_split: To calibrate.
        val_split: To measure; else the test split, else what calibration left of the training split.
        seed: By which images are drawn.
        order: Of the outputs of a network without class names, as in `match_classes`.

    Returns:
        Images to calibrate with, and images to measure with.

    Raises:
        DataError: If images or splits cannot be found, or are of other classes than the network's.
    """
    refuse_calibration(calibration)
    source: ImageSource
    is_folder = data_dir and dataset in ("", "imagenet") and not is_digits(data_dir) and Path(data_dir).is_dir()
    unlabeled = open_unlabeled(Path(data_dir).expanduser()) if is_folder else None
    if unlabeled is not None:
        source, keys = unlabeled, _splits_of(unlabeled, train_split, val_split)
    else:
        opened = open_dataset(dataset, data_dir, [train_split, val_split, "test"], optional=[val_split, "test"])
        source, keys = opened.source, dict(opened.split_names)
    rng = np.random.default_rng(seed)
    train = source.splits[keys[train_split]]
    chosen = spread_classes(train, source.labels, calibration, rng)
    split = next((keys[name] for name in (val_split, "test") if name in keys), "")
    rest = source.splits[split] if split else np.setdiff1d(train, chosen)
    if evaluation is not None and len(rest) > evaluation:
        rest = np.sort(rng.permutation(rest)[:evaluation])
    where = f"of the split {split!r}" if split else "that calibration left"
    is_labeled = unlabeled is None
    outputs, why = np.zeros(0, dtype=np.int64), f"the images of {source.name} have no labels"
    if is_labeled:
        outputs, why = _outputs(class_names, num_classes, source.class_names, order)
    name = source.name if is_labeled else f"{source.name} (without labels)"
    return (
        Labeled(source, chosen, outputs, f"{len(chosen):,} images of {name}, split {keys[train_split]!r}", why),
        Labeled(source, rest, outputs, f"{len(rest):,} images of {name} {where}", why),
    )


def _splits_of(source: ImageSource, train_split: str, val_split: str) -> dict[str, str]:
    """Wanted name -> name that is there; the training split is any other where there is none."""
    known = {wanted: SPLIT_NAMES.get(wanted.lower(), wanted) for wanted in (train_split, val_split, "test")}
    found = {wanted: name for wanted, name in known.items() if name in source.splits}
    train = found.get(train_split, next(iter(source.splits)))
    return {train_split: train} | {wanted: name for wanted, name in found.items() if name != train}


def refuse_calibration(images: int) -> None:
    """DataError for a number of calibration images that cannot be."""
    if not 1 <= images <= MOST_CALIBRATION:
        raise DataError(f"calibration takes 1 to {MOST_CALIBRATION} images, not {images}.")


def images_of(source: ImageSource, indices: IntArray, model: LoadedModel, description: str) -> Labeled:
    """Some images of the classes of a network. indices: (N,) int64 of the source."""
    names = model.class_names if any(model.class_names) else ()
    outputs, why = _outputs(names, model.arch.num_classes, source.class_names, usual_order(model.facts))
    return Labeled(source, indices, outputs, description, why)


def spread_classes(indices: IntArray, labels: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """So many, taken from the classes in turn."""
    shuffled = rng.permutation(indices)
    order = np.argsort(labels[shuffled], kind="stable")
    by_class = labels[shuffled][order]
    starts = np.searchsorted(by_class, by_class)
    turn = np.arange(len(order)) - starts  # its number within its class
    return np.sort(shuffled[order][np.argsort(turn, kind="stable")[:count]])


def _outputs(class_names: Sequence[str], num_classes: int, labels: Sequence[str], order: str) -> tuple[IntArray, str]:
    """The output of each label, as in `netwright validate`; none, and why, where a network without names fits none."""
    try:
        return match_classes(class_names, num_classes, labels, allow_subset=True, order=order).outputs, ""
    except DataError as error:
        if class_names:
            raise
        return np.zeros(0, dtype=np.int64), str(error)  # images of any classes show ranges


def photographs(preprocessing: Preprocessing, count: int = _CROPS, seed: int = 0) -> Pixels:
    """(count, H, W, C) uint8: parts of scikit-learn's two photographs, of a quarter of their height to all of it."""
    from sklearn.datasets import load_sample_image

    whole: list[npt.NDArray[np.uint8]] = [load_sample_image(f"{name}.jpg") for name in ("china", "flower")]
    rng = np.random.default_rng(seed)
    crops = []
    for i in range(count):
        image = whole[i % 2]
        side = int(image.shape[0] * rng.uniform(0.25, 1.0))
        top, left = (int(rng.integers(0, room - side + 1)) for room in image.shape[:2])
        part = image[top : top + side, left : left + side]
        if preprocessing.channels not in (1, 3):  # read as data: colors in turn
            part = part[..., np.arange(preprocessing.channels) % 3]
        crops.append(preprocessing.pixels(np.ascontiguousarray(part)))
    return np.stack(crops)
