"""Decoded images in memory, for small data sets that have file formats of their own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netwright.data.source import IntArray, LabeledImage, Pixels, SourceBase

__all__ = ["ArraySource", "find_files", "join_parts"]

_DEEPEST = 3
_MOST_FOLDERS = 300


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource(SourceBase):
    """A source whose images are one array.

    Attributes:
        images: (N, H, W, C) uint8.
        item_format: How an image is named by its split and its number within it.
    """

    images: Pixels
    item_format: str = "{split}:{number}"

    def item_name(self, index: int) -> str:
        split = next(name for name, items in self.splits.items() if items[0] <= index <= items[-1])
        return self.item_format.format(split=split, number=index - int(self.splits[split][0]))

    def read(self, index: int) -> LabeledImage:
        return LabeledImage(self.images[index], int(self.labels[index]), self.item_name(index))


def join_parts(name: str, class_names: Sequence[str], parts: Mapping[str, tuple[Pixels, IntArray]]) -> ArraySource:
    """Make one source of several splits.

    Args:
        name: Of the data set.
        class_names: In the order of the labels.
        parts: Split -> images (N, H, W, C) uint8 and labels (N,).
    """
    splits, start = {}, 0
    for split, (images, _) in parts.items():
        splits[split] = np.arange(start, start + len(images), dtype=np.int64)
        start += len(images)
    images = np.concatenate([images for images, _ in parts.values()])
    labels = np.concatenate([labels for _, labels in parts.values()]).astype(np.int64)
    digest = hashlib.sha256(f"{name} {tuple(class_names)} {[(k, len(v)) for k, v in splits.items()]}".encode())
    digest.update(np.ascontiguousarray(images).data)
    digest.update(labels.tobytes())
    return ArraySource(name, tuple(class_names), labels, splits, digest.hexdigest(), images)


def find_files(root: Path, names: Iterable[str]) -> dict[str, Path]:
    """Find files by name, in `root` or a few levels below it.

    Returns:
        Name -> path, of the names in the nearest folder that has any of them; empty where no folder has.
    """
    wanted = set(names)
    for folder in _folders(root):
        found = {name: folder / name for name in wanted if (folder / name).is_file()}
        if found:
            return found
    return {}


def _folders(root: Path) -> Iterator[Path]:
    """The root and the folders below it, level by level."""
    level = [root]
    for _ in range(_DEEPEST + 1):
        yield from level
        below: list[Path] = []
        for folder in level:
            with os.scandir(folder) as entries:
                below += sorted(Path(entry.path) for entry in entries if entry.is_dir() and entry.name[0] != ".")
            if len(below) > _MOST_FOLDERS:  # a folder of classes, which is none of these data sets
                return
        level = below
