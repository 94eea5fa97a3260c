"""Choose the size that the images of a source are decoded to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.data.decode import ImageHeader, read_header
from netwright.data.source import ImageSource, IntArray
from netwright.errors import DataError

__all__ = ["ImageShape", "choose_shape"]

# headers that are read: enough to tell the kind of a data set, few enough to be quick
_SAMPLE = 256
# square images up to this side keep their size
_NATIVE_SIDE = 96
# gray square images up to this side are taken for characters, as in MNIST: a mirrored 2 is no 2
_GLYPH_SIDE = 64
_USUAL_SIDE = 224
_LEAST_SIDE = 4
_STEP = 32


@dataclass(frozen=True, slots=True)
class ImageShape:
    """What images are decoded to.

    Attributes:
        resolution: Side in pixels.
        channels: 1 where all images of the sample are gray, else 3; or as asked for.
        flip_suits: Whether mirrored images keep their class.
    """

    resolution: int
    channels: int
    flip_suits: bool


def choose_shape(
    source: ImageSource, indices: IntArray, resolution: int | None, channels: int | None = None
) -> ImageShape:
    """Choose the shape for some images, from the headers of a sample of them.

    Args:
        source: The images.
        indices: Those to choose for.
        resolution: Side in pixels. None: the images' own if they share one small square size, else the median shorter
            side, rounded down to a multiple of 32 from 32 to 224.
        channels: None: 1 where all images of the sample are gray, else 3.

    Raises:
        DataError: No image of the sample can be read, or the resolution is too small.
    """
    if resolution is not None and resolution < _LEAST_SIDE:
        raise DataError(f"a resolution is at least {_LEAST_SIDE} pixels, not {resolution}. Raise --resolution.")
    headers = _sample_headers(source, indices)
    sides = {side for header in headers for side in (header.height, header.width)}
    side = max(sides)
    is_gray = all(header.is_gray for header in headers)
    if resolution is None:
        if len(sides) == 1 and _LEAST_SIDE <= side <= _NATIVE_SIDE:
            resolution = side
        else:
            median = int(np.median([min(header.height, header.width) for header in headers]))
            resolution = min(_USUAL_SIDE, max(_STEP, median // _STEP * _STEP))
    channels = channels or (1 if is_gray else 3)
    return ImageShape(resolution, channels, not (is_gray and len(sides) == 1 and side <= _GLYPH_SIDE))


def _sample_headers(source: ImageSource, indices: IntArray) -> list[ImageHeader]:
    headers, reason = [], ""
    for position in np.linspace(0, len(indices) - 1, min(_SAMPLE, len(indices))).astype(np.int64):
        try:
            headers.append(read_header(source.read(int(indices[position])).data))
        except (DataError, OSError) as error:  # reported when it is decoded
            reason = str(error)
    if not headers:
        raise DataError(
            f"none of the images of {source.name!r} can be read; the last of a sample of {min(_SAMPLE, len(indices))} "
            f"failed with: {reason}. Open one in an image viewer to see what it is."
        )
    return headers
