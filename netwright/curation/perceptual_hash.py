"""A hash of what an image looks like: few bits differ after another size, quality or format. Pairs that are alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn

from netwright.data.source import IntArray, Pixels

__all__ = ["SIDE", "alike_pairs", "hash_of"]

SIDE = 32  # of the gray image that is hashed
_KEPT = 8  # lowest frequencies in each direction
_BITS = _KEPT * _KEPT
_BLOCK = 1024  # hashes compared at once


def hash_of(gray: Pixels) -> int:
    """The hash: which of the lowest frequencies of the cosine transform are above their median.

    gray: (SIDE, SIDE) uint8.
    """
    frequencies = dctn(gray.astype(np.float32), norm="ortho")[:_KEPT, :_KEPT].ravel()
    frequencies[0] = 0  # the brightness
    bits = frequencies > np.median(frequencies)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def alike_pairs(hashes: npt.NDArray[np.uint64], most: int) -> IntArray:
    """Pairs of hashes that differ in at most `most` bits.

    Args:
        hashes: (N,), each other than the rest.
        most: 0 or more. The bits are cut into one band more than that, of which one is equal: only hashes that share a
            band are compared.

    Returns:
        (pairs, 2) positions, the smaller first, sorted.
    """
    found = [np.zeros((0, 2), dtype=np.int64)]
    bits = _BITS // (most + 1)
    for band in range(most + 1):
        key = (hashes >> np.uint64(bits * band)) & np.uint64((1 << bits) - 1)
        order = np.argsort(key, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
            found += _within(hashes, group, most)
    pairs = np.sort(np.concatenate(found), axis=1)
    unique: IntArray = np.unique(pairs, axis=0)
    return unique


def _within(hashes: npt.NDArray[np.uint64], group: IntArray, most: int) -> Iterator[IntArray]:
    own = hashes[group]
    for start in range(0, len(group), _BLOCK):
        left = own[start : start + _BLOCK, None]
        differ = np.bitwise_count(left ^ own[None, start:])
        rows, columns = np.nonzero(differ <= most)
        rows, columns = rows[columns > rows], columns[columns > rows]
        if len(rows):
            yield np.stack([group[start + rows], group[start + columns]], axis=1)
