"""The shape that a source's images are decoded to, where the user leaves it open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.data.decode import Look, look
from netwright.data.source import IntArray, Source
from netwright.errors import DataError

__all__ = ["Shape", "choose_shape"]

# enough headers to tell a data set's kind, few enough to read in a moment
_SAMPLE = 256
# square images up to this side keep their size
_NATIVE_SIDE = 96
# gray square images up to this side are taken for glyphs, as in MNIST: a mirrored 2 is no 2
_GLYPH_SIDE = 64
_USUAL_SIDE = 224
_LEAST_SIDE = 4
_STEP = 32


@dataclass(frozen=True, slots=True)
class Shape:
    """channels: 1 where all looked-at images are gray, else 3. flip_suits: mirrored images are of the same class."""

    resolution: int
    channels: int
    flip_suits: bool


def choose_shape(source: Source, indices: IntArray, resolution: int | None) -> Shape:
    """The shape for these images, from a sample's headers.

    Without a resolution: the images' own when they share one small square size, else the median shorter side
    rounded down to a multiple of 32, from 32 to 224.
    """
    if resolution is not None and resolution < _LEAST_SIDE:
        raise DataError(f"a resolution is at least {_LEAST_SIDE} pixels, not {resolution}. Raise --resolution.")
    looks = _look_at_sample(source, indices)
    sides = {side for seen in looks for side in (seen.height, seen.width)}
    side = max(sides)
    is_gray = all(seen.is_gray for seen in looks)
    if resolution is None:
        if len(sides) == 1 and _LEAST_SIDE <= side <= _NATIVE_SIDE:
            resolution = side
        else:
            median = int(np.median([min(seen.height, seen.width) for seen in looks]))
            resolution = min(_USUAL_SIDE, max(_STEP, median // _STEP * _STEP))
    return Shape(resolution, 1 if is_gray else 3, not (is_gray and len(sides) == 1 and side <= _GLYPH_SIDE))


def _look_at_sample(source: Source, indices: IntArray) -> list[Look]:
    looks, reason = [], ""
    for position in np.linspace(0, len(indices) - 1, min(_SAMPLE, len(indices))).astype(np.int64):
        try:
            looks.append(look(source.read(int(indices[position])).data))
        except (DataError, OSError) as error:  # counted and named when it is decoded
            reason = str(error)
    if not looks:
        raise DataError(
            f"none of the images of {source.name!r} can be read; the last of a sample of {min(_SAMPLE, len(indices))} "
            f"failed with: {reason}. Open one in an image viewer to see what it is."
        )
    return looks
