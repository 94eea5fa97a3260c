"""Identical files: the same bytes under two names, so that one image is learned and measured, or has two labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from netwright.data.folder import FolderSource
from netwright.data.packed import PackedSource
from netwright.data.parquet import ParquetSource
from netwright.data.source import ImageSource, IntArray
from netwright.errors import DataError
from netwright.system.machine import processors

__all__ = ["MOST_COMPARED", "Duplicates", "find_duplicates", "in_two_splits", "with_two_labels"]

MOST_COMPARED = 200_000  # images: of more, opening each of them would take minutes on a slow disk
_MOST_BYTES = 1 << 30  # of parquet files and archives, which are read as a whole
_PIECE = 4096  # bytes in the middle of a file: photos of one size differ there
_MOST_THREADS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Duplicates:
    """Which images of a source are the same file.

    Attributes:
        group: (N,) int64: the number of the first image with the same bytes; its own where there is no other.
        is_known: Whether they were compared: files of a folder, and of parquet, are if they are not too many.
    """

    group: IntArray
    is_known: bool = True

    @property
    def groups(self) -> list[IntArray]:
        """The ascending image numbers of each group of two or more."""
        order = np.argsort(self.group, kind="stable")
        bounds = np.flatnonzero(np.diff(self.group[order])) + 1
        return [part for part in np.split(order, bounds) if len(part) > 1]


def in_two_splits(groups: Sequence[IntArray], splits: Mapping[str, IntArray]) -> list[IntArray]:
    """The groups with images in two or more splits. splits: name -> image numbers."""
    split = {index: name for name, numbers in splits.items() for index in numbers.tolist()} if groups else {}
    return [group for group in groups if len({split[index] for index in group.tolist() if index in split}) > 1]


def with_two_labels(groups: Sequence[IntArray], labels: IntArray) -> list[IntArray]:
    """The groups with images of two or more classes. labels: (N,)."""
    return [group for group in groups if len(set(labels[group].tolist())) > 1]


def find_duplicates(source: ImageSource) -> Duplicates:
    """Compare the files of a folder: by size, then by a piece, then by all bytes. Unreadable ones have none.

    Of parquet files and archives the images are compared where they are not much to read. Published arrays are taken
    as they are.
    """
    if len(source.labels) <= MOST_COMPARED:
        if isinstance(source, FolderSource) and len(source.sizes) == len(source.paths):
            return _of_folder(source)
        if isinstance(source, ParquetSource | PackedSource) and _bytes_of(source) <= _MOST_BYTES:
            return _by_reading(source)
    return Duplicates(np.arange(len(source.labels), dtype=np.int64), is_known=False)


@lru_cache(maxsize=2)  # asked for when splits are cut, and again when they are described
def _of_folder(source: FolderSource) -> Duplicates:
    together: Iterable[list[int]] = _parted([list(range(len(source.paths)))], source.sizes.tolist())
    with ThreadPoolExecutor(min(_MOST_THREADS, 2 * processors()), thread_name_prefix="compare") as pool:
        for read in (_piece, _digest):
            candidates = [index for members in together for index in members]
            keys = dict(zip(candidates, pool.map(_key_of(source, read), candidates), strict=True))
            together = _parted(together, keys)
    group = np.arange(len(source.paths), dtype=np.int64)
    for members in together:
        group[members] = members[0]
    return Duplicates(group)


@lru_cache(maxsize=2)
def _by_reading(source: ParquetSource | PackedSource) -> Duplicates:
    first: dict[bytes, int] = {}
    group = np.arange(len(source.labels), dtype=np.int64)
    for index in range(len(group)):
        try:
            data = bytes(source.read(index).data)
        except (DataError, OSError):  # named when it is decoded
            continue
        group[index] = first.setdefault(hashlib.sha256(data).digest(), index)
    return Duplicates(group)


def _bytes_of(source: ParquetSource | PackedSource) -> int:
    if isinstance(source, PackedSource):
        return int(source.places.size.sum())
    return sum((source.root / path).stat().st_size for path in {path for path, _ in source.groups})


def _parted(groups: Iterable[list[int]], keys: Mapping[int, object] | list[int]) -> list[list[int]]:
    """Groups of images with equal keys within groups; those of one image, or without a key, are dropped."""
    parted: list[list[int]] = []
    for members in groups:
        same: dict[object, list[int]] = {}
        for index in members:
            if keys[index]:
                same.setdefault(keys[index], []).append(index)
        parted += [each for each in same.values() if len(each) > 1]
    return parted


def _key_of(source: FolderSource, read: Callable[[Path, int], bytes]) -> Callable[[int], bytes]:
    def key(index: int) -> bytes:
        try:
            return read(source.root / source.paths[index], int(source.sizes[index]))
        except OSError:  # named when it is decoded
            return b""

    return key


def _piece(path: Path, size: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(0, size // 2 - _PIECE // 2))
        return hashlib.sha256(file.read(_PIECE)).digest()


def _digest(path: Path, size: int) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
