"""How the values of a file become eight bits of color: what lies behind transparent parts, and what counts as white."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netwright.errors import DataError
from netwright.options import read_color

__all__ = ["BY_FILE", "HIGH_BYTE", "PIXEL_LIMIT", "DecodeRules", "check_background", "check_full_scale"]

# Pillow's own limit: a larger image is refused as a decompression bomb
PIXEL_LIMIT = 89_478_485
# of `full_scale`: each file's own bits; the upper eight of sixteen bits, as version 0.1 read them
BY_FILE, HIGH_BYTE = "file", "high_byte"


@dataclass(frozen=True, slots=True)
class DecodeRules:
    """What a file leaves open about its colors.

    Attributes:
        background: What transparent images are laid on: white, black or #rrggbb.
        full_scale: The value that counts as white in images of more than 8 bits that do not declare it; 'file': the
            largest of 8, 10, 12, 14, 16, ... bits that the image's own values need; 'high_byte': 65,535, whatever the
            file declares.
        max_pixels: An image of more is refused before it is decoded.

    Raises:
        DataError: A value is impossible.
    """

    background: str = "white"
    full_scale: float | str = BY_FILE
    max_pixels: int = PIXEL_LIMIT

    def __post_init__(self) -> None:
        if self.max_pixels < 1:
            raise DataError(f"max_pixels is 1 or more, not {self.max_pixels:,}. Correct 'max_pixels'.")
        if problem := check_background(self.background) or check_full_scale(self.full_scale):
            raise DataError(problem)

    @property
    def color(self) -> tuple[int, int, int]:
        """The background as red, green and blue."""
        return read_color(self.background)

    def fill(self, channels: int) -> tuple[int, ...]:
        """The background of an image of so many channels: gray, red green blue, then 0 for each further one."""
        red, green, blue = self.color
        if channels < 3:
            # as Pillow makes gray of colors (ITU-R 601-2)
            gray = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
            return (gray, *(0,) * (channels - 1))
        return (red, green, blue, *(0,) * (channels - 3))


def check_background(background: str) -> str:
    """What is wrong with it; empty where nothing is."""
    try:
        read_color(background)
    except ValueError as error:
        return f"background is {error}. Correct 'background'."
    return ""


def check_full_scale(value: float | str | None) -> str:
    """What is wrong with it; empty where nothing is."""
    if value in (None, BY_FILE, HIGH_BYTE):
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return ""
    return f"full_scale is a number above 0, file or high_byte, not {value!r}. Correct 'full_scale'."
