"""Bring images of more than eight bits to eight: gray of 16 and 32 bits, floating point, colors of 16 bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from netwright.data.decode_rules import BY_FILE, HIGH_BYTE, DecodeRules
from netwright.data.depth import WHITE_16, Samples, eight_bits, scale_of, white_of
from netwright.data.png import is_sixteen_bit_color, png_depth, png_scale, read_png, significant_bits
from netwright.data.tiff import TIFF, read_samples, read_tiff_header
from netwright.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

    from netwright.data.source import Pixels

__all__ = ["color_in_eight_bits", "exact_bytes_per_pixel", "exact_color", "gray_in_eight_bits", "largest_undeclared"]

_BESIDE = 10  # bytes a pixel of the image as Pillow reads it, and of the result
_PNG_PIXEL = 8  # bytes of a pixel of four channels
# Pillow has scaled their values to 16 bits when it reads them
_SCALED_BY_PILLOW = ("PPM", "JPEG2000")


def gray_in_eight_bits(data: bytes, image: Image, rules: DecodeRules) -> Pixels:
    """(H, W) uint8 of a loaded image of mode I, I;16... or F. DataError where its values have no range."""
    values = np.asarray(image)
    return eight_bits(values, white_of(values, rules, _declared(data, image, values)))


def _declared(data: bytes, image: Image, values: Samples) -> float | None:
    if image.format in _SCALED_BY_PILLOW and values.dtype.kind != "f":
        return WHITE_16
    if data[:4] in TIFF:
        return read_tiff_header(data).white
    return png_scale(data, values) if png_depth(data) == 16 else None


def color_in_eight_bits(data: bytes, image: Image, rules: DecodeRules) -> Image:
    """A loaded image of colors, of which Pillow has kept the upper eight bits: as it is, or from its exact values.

    These are read only where white may be less than 65,535: it takes longer.
    """
    if rules.full_scale == HIGH_BYTE or not _is_deep_color(data):
        return image
    upper = np.asarray(image)
    largest = int(upper[..., :3].max()) if upper.shape[-1] != 2 else int(upper[..., 0].max())
    if _is_surely_whole(data, largest, rules):
        return image
    values = exact_color(data)
    channels = 4 if image.mode in ("RGBA", "LA", "RGBa") else 3
    colors = values[..., :3] if values.shape[2] >= 3 else np.repeat(values[..., :1], 3, axis=2)
    declared = read_tiff_header(data).white if data[:4] in TIFF else png_scale(data, colors)
    white = white_of(colors, rules, declared)
    if white >= WHITE_16:
        return image
    made = eight_bits(colors, white)
    if channels == 4:
        opacity = values[..., -1]
        made = np.dstack([made, eight_bits(opacity, white if opacity.max() <= white else WHITE_16)])
    from PIL import Image as Pillow

    return Pillow.fromarray(made)


def _is_deep_color(data: bytes) -> bool:
    if data[:4] in TIFF:
        header = read_tiff_header(data)
        return header.bits == 16 and header.channels > 1
    return is_sixteen_bit_color(data)


def _is_surely_whole(data: bytes, largest: int, rules: DecodeRules) -> bool:
    """Whether 65,535 is white, judging by the largest of the upper eight bits."""
    bits = significant_bits(data) if data[:4] not in TIFF else None
    if bits is not None:
        return bits == 16 or largest >= 1 << max(0, bits - 8)
    if data[:4] in TIFF and read_tiff_header(data).white is not None:
        return False
    if rules.full_scale == BY_FILE:
        return scale_of(256.0 * largest) >= WHITE_16
    return float(rules.full_scale) >= WHITE_16


def exact_color(data: bytes) -> Samples:
    """(H, W, C) values of a PNG of 16 bits, or of a TIFF of several channels."""
    if data[:4] in TIFF:
        return read_samples(data)
    return read_png(data)


def largest_undeclared(data: bytes, open_image: Callable[[bytes], Image]) -> tuple[float, bool] | None:
    """The largest value of an image of more than 8 bits, and whether it is floating point.

    None for images of 8 bits, and where the file declares what is white.
    """
    if data[:4] in TIFF:
        header = read_tiff_header(data)
        if header.bits <= 8 or header.white is not None:
            return None
        if header.channels > 1:
            return _largest(read_samples(data))
    elif png_depth(data) not in (0, 16) or data[:2] == b"\xff\xd8":
        return None
    if is_sixteen_bit_color(data):
        values = exact_color(data)
        colors = values[..., : 3 if values.shape[2] > 2 else 1]
        return None if png_scale(data, colors) is not None else _largest(colors)
    with open_image(data) as image:
        if image.mode[0] not in "IF":
            return None
        values = np.asarray(image)
        return None if _declared(data, image, values) is not None else _largest(values)


def _largest(values: Samples) -> tuple[float, bool]:
    return float(values.max()), values.dtype.kind == "f"


def exact_bytes_per_pixel(data: bytes) -> int:
    """The most that a process takes for a pixel of an image whose exact values may be read; 0 for others."""
    if data[:4] in TIFF:
        try:
            header = read_tiff_header(data)
        except DataError:  # said when it is decoded
            return 0
        size = -(-header.bits // 8) * header.channels
        return _BESIDE + 3 * size if header.channels > 3 or header.bits > 8 else 0
    return _BESIDE + 2 * _PNG_PIXEL if is_sixteen_bit_color(data) else 0
