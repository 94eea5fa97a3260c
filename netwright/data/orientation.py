"""The orientation that a camera notes in an image (EXIF), undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netwright.data.source import Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Box", "orientation_of", "stored_box", "upright", "upright_box", "upright_shape"]

# top, left, height, width, in pixels
Box = tuple[float, float, float, float]

_EXIF_ORIENTATION = 0x0112
# EXIF orientation -> what undoes it (Exif 2.32, table 6): do rows become columns, then the steps of rows and columns
_UPRIGHT = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}


def orientation_of(image: Image) -> int:
    """Its EXIF orientation; 1, which is upright, where there is none."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # the pixels of an image with damaged EXIF are fine
        return 1


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """(H, W, C) pixels turned and mirrored so that an orientation of them is undone."""
    if orientation not in _UPRIGHT:
        return pixels
    is_turned, rows, columns = _UPRIGHT[orientation]
    turned = pixels.swapaxes(0, 1) if is_turned else pixels
    return np.ascontiguousarray(turned[::rows, ::columns])


def upright_shape(height: int, width: int, orientation: int) -> tuple[int, int]:
    """Height and width of an image once it is upright, of those as stored."""
    return (width, height) if orientation in _UPRIGHT and _UPRIGHT[orientation][0] else (height, width)


def stored_box(box: Box, height: int, width: int, orientation: int) -> Box:
    """Where a box of the upright image lies in the pixels as stored, which are height x width."""
    is_turned, rows, columns = _UPRIGHT.get(orientation, (False, 1, 1))
    high, wide = upright_shape(height, width, orientation)
    top, left, tall, broad = box
    top = top if rows == 1 else high - top - tall
    left = left if columns == 1 else wide - left - broad
    return (left, top, broad, tall) if is_turned else (top, left, tall, broad)


def upright_box(box: Box, height: int, width: int, orientation: int) -> Box:
    """Where a box of the pixels as stored, which are height x width, lies once they are upright."""
    is_turned, rows, columns = _UPRIGHT.get(orientation, (False, 1, 1))
    high, wide = upright_shape(height, width, orientation)
    top, left, tall, broad = (box[1], box[0], box[3], box[2]) if is_turned else box
    return (
        top if rows == 1 else high - top - tall,
        left if columns == 1 else wide - left - broad,
        tall,
        broad,
    )
