"""Decode a part of a JPEG: what training's random crops need, without computing the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.data.decode import decode_full, jpeg_orientation, refuse_shape
from netwright.data.decode_rules import DecodeRules
from netwright.data.jpeg_layout import JpegLayout, cut_jpeg, read_layout
from netwright.data.orientation import Box, stored_box, upright, upright_box, upright_shape
from netwright.data.source import Pixels

__all__ = ["JpegFrame", "decode_part", "read_frame"]

# a part is decoded to a fraction of its size where that leaves so many times the pixels a side that it will be resized
# to: nearer, the fraction is not what smoothing the whole gives
_GAP = 2
_REDUCTIONS = (8, 4, 2)


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """A JPEG of which parts can be decoded.

    Attributes:
        height: In pixels, upright; width likewise.
        orientation: Of EXIF.
        layout: Where its parts lie.
    """

    height: int
    width: int
    orientation: int
    layout: JpegLayout


def read_frame(data: bytes | Pixels) -> JpegFrame | None:
    """The frame of a JPEG; None of all else, and of JPEGs that are not coded from the top or end too early.

    Raises:
        DataError: `refuse_shape` refuses it.
    """
    if isinstance(data, np.ndarray) or data[:3] != b"\xff\xd8\xff":
        return None
    layout = read_layout(data)
    if layout is None:
        return None
    refuse_shape(layout.height, layout.width)
    orientation = jpeg_orientation(data) if layout.has_exif else 1
    return JpegFrame(*upright_shape(layout.height, layout.width, orientation), orientation, layout)


def decode_part(
    data: bytes, frame: JpegFrame, box: tuple[int, int, int, int], channels: int, side: int, rules: DecodeRules
) -> tuple[Pixels, Box | None]:
    """Decode a part of a JPEG.

    Args:
        data: The file.
        frame: Of it.
        box: Top, left, height and width of the part, in pixels of the upright image.
        channels: 1 or 3.
        side: The part will be resized to so many pixels a side.
        rules: Of `decode_full`, which decodes what is damaged.

    Returns:
        (height, width, channels) uint8, the very pixels that the whole has there, and None. Or, of a part that is much
        larger than `side`, the pixels of a smaller image, and the box of it that is the part.

    Raises:
        DataError: It is damaged.
    """
    import simplejpeg

    layout = frame.layout
    stored = stored_box(box, layout.height, layout.width, frame.orientation)
    top, left, height, width = (int(each) for each in stored)
    reduction = next((each for each in _REDUCTIONS if min(height, width) >= each * _GAP * side), 1)
    cut = cut_jpeg(data, layout, top, left, height, width)
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(
            cut.data,
            colorspace="GRAY" if channels == 1 else "RGB",
            min_height=-(-cut.height // reduction) if reduction > 1 else 0,
            min_width=-(-cut.width // reduction) if reduction > 1 else 0,
            min_factor=reduction,
            strict=False,  # coded pixels are left over below the part
        )
    except ValueError:
        top, left, height, width = box
        return decode_full(data, channels, rules=rules)[top : top + height, left : left + width], None
    inside = (top - cut.top, left - cut.left, height, width)
    if reduction == 1:
        top, left = inside[:2]
        return upright(pixels[top : top + height, left : left + width], frame.orientation), None
    smaller = (inside[0] / reduction, inside[1] / reduction, height / reduction, width / reduction)
    rows, columns = pixels.shape[:2]
    return upright(pixels, frame.orientation), upright_box(smaller, rows, columns, frame.orientation)
