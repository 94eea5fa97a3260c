"""What every source of labeled images offers, whatever its files look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from netwright.errors import DataError

__all__ = ["SPLIT_NAMES", "IntArray", "Item", "Pixels", "Source", "check_source", "listed"]

IntArray = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]

# the spellings that data sets use for their splits (as Hugging Face lists them) -> ours
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}


class Item(NamedTuple):
    """One labeled image. data: an encoded file, or (H, W, C) uint8 pixels."""

    data: bytes | Pixels
    label: int
    name: str


class Source(Protocol):
    """Labeled images that can be read one by one, from several threads at once.

    Items are in an order that depends on their names only, never on the file system's.
    """

    @property
    def name(self) -> str: ...

    @property
    def class_names(self) -> tuple[str, ...]: ...

    @property
    def labels(self) -> IntArray:
        """(N,) int64, each in range(len(class_names))."""
        ...

    @property
    def splits(self) -> Mapping[str, IntArray]:
        """Ascending item indices of each of 'train', 'validation', 'test', or of the one split 'all'."""
        ...

    @property
    def signature(self) -> str:
        """A hash that changes when items are added, removed, renamed, or change their size."""
        ...

    def item_name(self, index: int) -> str:
        """What a person finds item `index` by: its path below the root, or file and row."""
        ...

    def read(self, index: int) -> Item:
        """Item `index`; DataError or OSError when it cannot be read."""
        ...


def listed(values: list[str] | tuple[str, ...], most: int = 8) -> str:
    """The first few values, quoted, for a message."""
    head = ", ".join(repr(value) for value in values[:most])
    return head if len(values) <= most else f"{head} and {len(values) - most:,} more"


def check_source(source: Source) -> None:
    """DataError unless there are two classes or more and each split has images of every class."""
    classes = source.class_names
    if len(classes) < 2:
        raise DataError(
            f"a classifier needs at least 2 classes, and {source.name!r} has only {listed(classes)}. "
            "Give the folder that holds one folder per class (or train/ and test/ folders that do)."
        )
    for split, indices in source.splits.items():
        counts = np.bincount(source.labels[indices], minlength=len(classes))
        missing = [classes[label] for label in np.flatnonzero(counts == 0)]
        if missing:
            where = f"{source.name!r}" if split == "all" else f"split {split!r} of {source.name!r}"
            raise DataError(
                f"every split must have images of the same {len(classes):,} classes, and {where} has none of "
                f"{listed(missing)}. Add these images, or remove the classes from every split."
            )
