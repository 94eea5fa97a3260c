"""Parts of the images that are learned from, to validate on each in turn: classes evenly, equal images together."""

from __future__ import annotations

import hashlib

import numpy as np

from netwright.data import ImageSet
from netwright.data.source import IntArray

__all__ = ["fold_of"]


def fold_of(images: ImageSet, k: int, folds: int) -> tuple[IntArray, IntArray]:
    """The images to learn from, and those of one part to be evaluated on; the images alone decide.

    Args:
        images: The set; its test images are in no part.
        k: Of the part, from 0 on.
        folds: How many parts there are.

    Returns:
        Rows of both, ascending.
    """
    rows = np.sort(np.concatenate([images.train, images.validation]))
    part = np.empty(len(rows), np.int64)
    group = _groups(images, rows)
    taken = 0  # classes go on where the one before ended, so that all parts are about as large
    for label in np.unique(images.labels[rows]):
        mine = np.flatnonzero(images.labels[rows] == label)
        _, inverse = np.unique(group[mine], return_inverse=True)
        order = np.random.default_rng([folds, int(label)]).permutation(int(inverse.max()) + 1)
        part[mine] = (order[inverse] + taken) % folds
        taken += len(order)
    return rows[part != k], rows[part == k]


def _groups(images: ImageSet, rows: IntArray) -> IntArray:
    """A number for each row, the same for the same pixels: they are not parted."""
    known: dict[bytes, int] = {}
    found = [known.setdefault(hashlib.sha256(images.images[row].tobytes()).digest(), len(known)) for row in rows]
    return np.asarray(found, np.int64)
