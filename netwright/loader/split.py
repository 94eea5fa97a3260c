"""Splits of images: those to train on, and those to validate on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from netwright.data.dataset import open_dataset
from netwright.data.images import Skipped, skipped_image
from netwright.data.source import ImageSource, IntArray, LabeledImage, listed
from netwright.data.splits import cut_fraction
from netwright.errors import DataError
from netwright.recipe import TrainConfig
from netwright.recipe.training import DataConfig

__all__ = ["Split", "open_split", "open_splits"]

_SAMPLES = 7  # stream of random numbers for the images that num_samples keeps


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Some images of a source, by position 0 to n - 1.

    Attributes:
        source: The images.
        index: (n,) int64 ascending image numbers of the source.
        name: For messages.
    """

    source: ImageSource
    index: IntArray
    name: str

    def __len__(self) -> int:
        return len(self.index)

    @property
    def labels(self) -> IntArray:
        """(n,) int64, in the order of the index."""
        return self.source.labels[self.index]

    def read(self, position: int) -> LabeledImage:
        """The image at a position.

        Raises:
            DataError, OSError: It cannot be read.
        """
        return self.source.read(int(self.index[position]))

    def skipped(self, position: int, error: Exception) -> Skipped:
        """The image at a position, which could not be read because of an error."""
        return skipped_image(self.source, int(self.index[position]), error)

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.source.class_names


def open_splits(training: TrainConfig) -> tuple[Split, Split | None]:
    """Open the images of a training.

    Returns:
        The images to train on, and those to validate on: None where validation is off and there is no such split.

    Raises:
        DataError: Images, labels or a split cannot be found, the classes of the splits differ, or num_classes is not
            their number.
    """
    images, seed = training.images, training.machine.seed
    if images.val_fraction:
        pool = _open(images, (images.train_split,))[images.train_split]
        train, cut = _cut(pool, images.val_fraction, seed)
        validation: Split | None = cut
    else:
        wanted = (images.train_split, images.val_split)
        optional = () if training.checkpoints.validate else (images.val_split,)
        try:
            splits = _open(images, wanted, optional)
        except DataError:
            if training.checkpoints.validate:
                raise
            splits = _open(images, wanted[:1])  # what is wrong with the others does not matter
        train, validation = splits[wanted[0]], splits.get(wanted[1])
    _refuse_classes(train, validation if training.checkpoints.validate else None, training.network.num_classes)
    if images.num_samples is not None and images.num_samples < len(train):
        shuffled = np.random.default_rng([seed, _SAMPLES]).permutation(train.index)
        kept = np.sort(shuffled[: images.num_samples])
        train = replace(train, index=kept, name=f"{len(kept):,} images of {train.name}")
    return train, validation


def open_split(images: DataConfig, split_name: str, seed: int | None = None) -> Split:
    """Open one split by name; all images where there are no splits.

    Args:
        images: Data set, folder, and val_fraction.
        split_name: Of the split.
        seed: Of a training that cut its validation images from the train split (val_fraction); val_split then gives the
            same images.

    Raises:
        DataError: Images, labels or the split cannot be found.
    """
    if images.val_fraction and seed is not None and split_name == images.val_split:
        return _cut(_open(images, (images.train_split,))[images.train_split], images.val_fraction, seed)[1]
    return _open(images, (split_name,))[split_name]


def _open(images: DataConfig, wanted: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Split]:
    cure = "Give one of these as --split, or --split all."
    if len(wanted) > 1:
        cure = (
            "Give another --train_split or --val_split, or --val_fraction 0.1 to cut validation images from the former."
        )
    opened = open_dataset(
        images.dataset, images.data_dir, wanted, optional=optional, download=images.download, cure=cure
    )
    return {name: Split(opened.source, opened.source.splits[own], own) for name, own in opened.split_names.items()}


def _cut(pool: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    cut, rest = cut_fraction(pool.source, pool.index, fraction, seed)
    if not len(cut):
        raise DataError(
            f"validation images are cut from classes of 2 images or more, and {pool.name} of {pool.source.name!r} has "
            "none. Add images, or give --val_split."
        )
    of = "" if pool.name == "all" else f" of {pool.name}"  # a folder without splits
    name = f"{fraction:.0%} of each class{of}, cut by seed {seed}"
    return replace(pool, index=rest, name=f"{pool.name}, less the validation images"), replace(
        pool, index=cut, name=name
    )


def _refuse_classes(train: Split, validation: Split | None, num_classes: int | None) -> None:
    names = train.class_names
    if len(names) < 2:
        raise DataError(
            f"a classifier needs at least 2 classes, and {train.source.name!r} has only {listed(names)}. Give the "
            "folder that holds train/<class>/ and val/<class>/ as --data_dir."
        )
    if num_classes is not None and num_classes != len(names):
        raise DataError(
            f"num_classes is the number of the images' classes, and {train.source.name!r} has {len(names):,} "
            f"({listed(names, 4)}), not {num_classes:,}. Give --num_classes {len(names)}, or leave it out."
        )
    if not len(train):
        raise DataError(f"the {train.name} split of {train.source.name!r} has no images. Add some.")
    if validation is None:
        return
    if not len(validation):
        raise DataError(f"the {validation.name} split of {validation.source.name!r} has no images. Add some.")
    unseen = sorted(set(validation.labels.tolist()) - set(train.labels.tolist()))
    if unseen:
        raise DataError(
            f"classes to validate on must be trained on, and {train.name} of {train.source.name!r} has no images of "
            f"{listed([names[label] for label in unseen])}, which {validation.name} has. Add or remove them."
        )
