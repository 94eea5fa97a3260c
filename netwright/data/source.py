"""The interface of image sources: labeled images in folders, parquet files or arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from netwright.errors import DataError

__all__ = ["SPLIT_NAMES", "ImageSource", "IntArray", "LabeledImage", "Pixels", "SourceBase", "check_source", "listed"]

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


class LabeledImage(NamedTuple):
    """One labeled image.

    Attributes:
        data: An encoded file, or (H, W, C) uint8 pixels.
        label: Its class, an index into class_names.
        name: What a person finds it by, see `ImageSource.item_name`.
    """

    data: bytes | Pixels
    label: int
    name: str


class ImageSource(Protocol):
    """Labeled images, numbered from 0, that several threads can read one by one.

    The order of the images depends on their names only, never on the file system.
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
        """Ascending image numbers of each of 'train', 'validation', 'test', or of the single split 'all'."""
        ...

    @property
    def signature(self) -> str:
        """A hash that changes when images are added, removed, renamed, or change their size."""
        ...

    def item_name(self, index: int) -> str:
        """How a person finds image `index`: its path below the root, or file and row."""
        ...

    def read(self, index: int) -> LabeledImage:
        """Image `index`.

        Raises:
            DataError, OSError: It cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SourceBase(ABC):
    """The fields of an `ImageSource`; a subclass adds where its images are and how they are read."""

    name: str
    class_names: tuple[str, ...]
    labels: IntArray
    splits: Mapping[str, IntArray]
    signature: str

    @abstractmethod
    def item_name(self, index: int) -> str: ...

    @abstractmethod
    def read(self, index: int) -> LabeledImage: ...


def listed(values: list[str] | tuple[str, ...], most: int = 8) -> str:
    """The first values, quoted, for a message: `'a', 'b' and 3 more`."""
    head = ", ".join(repr(value) for value in values[:most])
    return head if len(values) <= most else f"{head} and {len(values) - most:,} more"


def check_source(source: ImageSource) -> None:
    """Check that there are two or more classes, and that each split has images of every class.

    Raises:
        DataError: It is not so.
    """
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
