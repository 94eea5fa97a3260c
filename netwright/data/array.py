"""Images that lie decoded in memory: small data sets in files of their own formats."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netwright.data.source import IntArray, Item, Pixels

__all__ = ["ArraySource", "find_files", "join_parts"]

_DEEPEST = 3
_MOST_FOLDERS = 300


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """images: (N, H, W, C) uint8."""

    name: str
    class_names: tuple[str, ...]
    labels: IntArray
    splits: Mapping[str, IntArray]
    signature: str
    images: Pixels

    def item_name(self, index: int) -> str:
        split = next(name for name, items in self.splits.items() if items[0] <= index <= items[-1])
        return f"{split}:{index - int(self.splits[split][0])}"

    def read(self, index: int) -> Item:
        return Item(self.images[index], int(self.labels[index]), self.item_name(index))


def join_parts(name: str, class_names: Sequence[str], parts: Mapping[str, tuple[Pixels, IntArray]]) -> ArraySource:
    """A source of splits. parts: split -> images (N, H, W, C) and labels (N,)."""
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
    """Name -> its first place in `root` or in a folder below, not far down; the nearest folder that has any counts."""
    wanted = set(names)
    for folder in _folders(root):
        found = {name: folder / name for name in wanted if (folder / name).is_file()}
        if found:
            return found
    return {}


def _folders(root: Path) -> Iterator[Path]:
    """The root and what is below it, level by level."""
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
