"""Resize images without smoothing, as OpenCV does, by numpy alone: an image that serves exported files has no torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netwright.data.source import Pixels

__all__ = ["resize_unsmoothed"]

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

_CUBIC = np.float32(-0.75)  # the slope that OpenCV and torch take; Pillow's is -0.5


def resize_unsmoothed(pixels: Pixels, height: int, width: int, interpolation: str) -> Pixels:
    """Compute each pixel from its 1, 4 or 16 neighbors, at any scale, with pixel centers at halves.

    The same as torch's `interpolate` without antialiasing, on floats that are rounded at the end.

    Args:
        pixels: (H, W, C) uint8.
        height: Of the result.
        width: Of the result.
        interpolation: nearest, bilinear or bicubic.

    Returns:
        (height, width, C) uint8.
    """
    if interpolation == "nearest":
        return np.ascontiguousarray(pixels[_nearest(pixels.shape[0], height)][:, _nearest(pixels.shape[1], width)])
    taps = {"bilinear": _linear, "bicubic": _cubic}[interpolation]
    (rows, down), (columns, across) = taps(pixels.shape[0], height), taps(pixels.shape[1], width)
    # of a large photo only the pixels that are read become floats
    some_rows, rows = _used(rows)
    some_columns, columns = _used(columns)
    part = pixels.take(some_rows, 0).take(some_columns, 1).astype(np.float32)
    result = _weighted(_weighted(part, rows, down, 0), columns, across, 1)
    np.rint(result, out=result)
    return result.clip(0, 255, out=result).astype(np.uint8)


def _weighted(values: Floats, indices: Indices, weights: Floats, axis: int) -> Floats:
    """The sum over neighbors along an axis. indices, weights: (after, neighbors)."""
    channels = values.shape[2]
    total: Floats | None = None
    for one, weight in zip(indices.T, weights.T, strict=True):
        term = values.take(one, axis)
        # in two dimensions: numpy is slow where the last one is of 3
        term.reshape(len(term), -1)[...] *= weight[:, None] if axis == 0 else weight.repeat(channels)[None]
        total = term if total is None else np.add(total, term, out=total)
    assert total is not None, "there are neighbors"
    return total


def _used(indices: Indices) -> tuple[Indices, Indices]:
    """(which, `indices` among these)."""
    which, among = np.unique(indices, return_inverse=True)
    return which, among.reshape(indices.shape)


def _nearest(before: int, after: int) -> Indices:
    scale = np.float32(before) / np.float32(after)
    at: Indices = np.floor(np.arange(after, dtype=np.float32) * scale).astype(np.intp)
    return at.clip(max=before - 1)


def _centers(before: int, after: int) -> Floats:
    """Where the centers of the new pixels are among the old ones."""
    half = np.float32(0.5)
    return (np.arange(after, dtype=np.float32) + half) * (np.float32(before) / np.float32(after)) - half


def _linear(before: int, after: int) -> tuple[Indices, Floats]:
    """(neighbors, their weights), each (after, 2)."""
    at = np.maximum(_centers(before, after), 0)
    first = np.minimum(at.astype(np.intp), before - 1)
    share = at - first.astype(np.float32)
    return np.stack([first, np.minimum(first + 1, before - 1)], 1), np.stack([1 - share, share], 1).astype(np.float32)


def _cubic(before: int, after: int) -> tuple[Indices, Floats]:
    """(neighbors, their weights), each (after, 4)."""
    at = _centers(before, after)
    first = np.floor(at)
    t = (at - first).astype(np.float32)
    weights = np.stack([_far(t + 1), _near(t), _near(1 - t), _far(2 - t)], 1)
    return np.clip(first.astype(np.intp)[:, None] + np.arange(-1, 3), 0, before - 1), weights


def _near(x: Floats) -> Floats:
    """Weight of a neighbor at a distance of 0 to 1."""
    return ((_CUBIC + 2) * x - (_CUBIC + 3)) * x * x + 1


def _far(x: Floats) -> Floats:
    """At a distance of 1 to 2."""
    return ((_CUBIC * x - 5 * _CUBIC) * x + 8 * _CUBIC) * x - 4 * _CUBIC
