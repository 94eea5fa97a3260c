"""Read the channels of an image as data, not as colors: gray with opacity, RGBA, the bands of a multispectral TIFF."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from netwright.data.decode_rules import DecodeRules
from netwright.data.deep import exact_color
from netwright.data.depth import Samples, eight_bits, white_of
from netwright.data.orientation import orientation_of, upright
from netwright.data.png import is_sixteen_bit_color, png_scale
from netwright.data.source import Pixels
from netwright.data.tiff import TIFF, read_samples, read_tiff_header
from netwright.errors import DataError
from netwright.system.plural import count

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["other_channels", "read_channels"]

_ORIENTATION = 274  # tag of a TIFF


def read_channels(data: bytes, channels: int, rules: DecodeRules, open_image: Callable[[bytes], Image]) -> Pixels:
    """Decode an image that has exactly these channels.

    Args:
        data: An encoded image.
        channels: Of the network.
        rules: For values of more than 8 bits.
        open_image: Opens it with Pillow.

    Returns:
        (H, W, channels) uint8, upright.

    Raises:
        DataError: It has other channels.
    """
    if data[:4] in TIFF and read_tiff_header(data).channels > 1:
        header = read_tiff_header(data)
        _check(header.channels, channels)
        return upright(_scaled(read_samples(data), header.white, rules), int(header.tags.get(_ORIENTATION, 1)))
    with open_image(data) as image:
        _check(_channels_of(image), channels)
        image.load()
        orientation = orientation_of(image)
        if is_sixteen_bit_color(data):
            values = exact_color(data)
            return upright(_scaled(values, png_scale(data, values), rules), orientation)
        pixels = np.asarray(image.convert("LA" if channels == 2 else "RGBA"))
    return upright(pixels, orientation)


def _scaled(values: Samples, declared: float | None, rules: DecodeRules) -> Pixels:
    if values.dtype == np.uint8:
        return values
    return eight_bits(values, white_of(values, rules, declared))


def _channels_of(image: Image) -> int:
    """Channels of an image: a palette is of colors."""
    clear = int(image.has_transparency_data)
    if image.mode in ("P", "PA"):
        return 3 + clear
    if image.mode in ("L", "1", "LA", "La"):
        return 1 + clear
    return 3 + clear if image.mode in ("RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV") else 1


def _check(own: int, channels: int) -> None:
    if own != channels:
        raise DataError(other_channels(own, channels))


def other_channels(own: int, channels: int) -> str:
    """What is wrong with an image of so many channels, and the cure."""
    takes, has = (count(many, "channel") for many in (channels, own))
    return (
        f"the network takes {takes}, and this image has {'only ' if own < channels else ''}{has}. Give images with "
        f"{channels}, or train with --in_channels {own}"
    )
