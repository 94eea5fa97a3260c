"""Find which value is white in the images of a data set that have more than 8 bits and do not declare it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netwright.data.decode import open_image, read_header, refuse_shape
from netwright.data.decode_rules import BY_FILE
from netwright.data.deep import largest_undeclared
from netwright.data.depth import scale_of
from netwright.data.source import Pixels

__all__ = ["find_full_scale"]

_SAMPLE = 256  # images that are read: a set has one depth, and the brightest of many comes near it


def find_full_scale(read: Callable[[int], bytes | Pixels], count: int) -> tuple[float | str, str]:
    """Look for the largest value in a sample of images.

    Args:
        read: Position -> an encoded image or pixels; it may raise DataError and OSError.
        count: Number of images.

    Returns:
        For `DecodeRules.full_scale`: the end of the bits that the largest value needs, or 'file' where no image needs
        it; and a sentence about it, or ''.
    """
    found: list[tuple[float, bool]] = []
    positions = np.unique(np.linspace(0, count - 1, min(_SAMPLE, count)).astype(np.int64))
    for position in positions.tolist():
        try:
            data = read(position)
            if isinstance(data, np.ndarray):
                return BY_FILE, ""  # a source of pixels has no files
            header = read_header(data)
            refuse_shape(header.height, header.width)
            if (largest := largest_undeclared(data, open_image)) is not None:
                found.append(largest)
        except Exception:  # of arbitrary bytes nearly anything: reported when it is decoded
            continue
    if not found:
        return BY_FILE, ""
    largest_value = max(value for value, _ in found)
    white = scale_of(largest_value, is_float=all(is_float for _, is_float in found))
    bits = "" if white == 1 else f", the end of {int(white).bit_length()} bits,"
    whose = f"{len(found):,} of a sample of {len(positions):,}" if len(positions) < count else f"{len(found):,}"
    return white, (
        f"images of more than 8 bits ({whose}): their largest value is {largest_value:,.6g}, so {white:,.0f}{bits} "
        "counts as white. --full_scale gives another"
    )
