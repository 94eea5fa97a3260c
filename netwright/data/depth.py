"""Images of more than eight bits a channel: which value is white, and their eight bits.

A file of 16 bits a channel may hold 10, 12 or 14 of them (scanners, microscopes, satellites): by its upper eight bits
it is nearly black. What a file declares counts first: TIFF's BitsPerSample and MaxSampleValue, the maximum of a PGM,
PNG's sBIT. Else `DecodeRules.full_scale` says it, which a training finds in its images and keeps with the weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.data.decode_rules import BY_FILE, HIGH_BYTE, DecodeRules
from netwright.data.source import Pixels
from netwright.errors import DataError

__all__ = ["WHITE", "WHITE_16", "Samples", "eight_bits", "scale_of", "white_of"]

Samples = npt.NDArray[Any]  # (H, W) or (H, W, C), unsigned, signed or floating-point

_BITS = (8, 10, 12, 14, *range(16, 33))
# of 8 bits, and of 16
WHITE, WHITE_16 = 255, 65_535
_STRIP = 1 << 20  # values that are scaled at once


def scale_of(largest: float, *, is_float: bool = False) -> float:
    """The value that counts as white where the largest one is this: 1, or the end of 8, 10, 12, 14, 16, ... bits.

    Raises:
        DataError: It has more than 32 bits.
    """
    if is_float and largest <= 1:
        return 1.0
    for bits in _BITS:
        if largest < 1 << bits:
            return float((1 << bits) - 1)
    raise DataError(f"the values of an image are below {1 << 32:,}, and here one is {largest:,.6g}. Scale them down")


def white_of(values: Samples, rules: DecodeRules, declared: float | None) -> float:
    """The value of an image that counts as white. declared: by its file, where it does.

    Raises:
        DataError: There are negative values, or some that are no numbers.
    """
    is_float = values.dtype.kind == "f"
    least, largest = float(values.min()), float(values.max())
    if not (np.isfinite(least) and np.isfinite(largest)):
        raise DataError("the values of an image are finite, and here some are not. Replace them")
    if least < 0:
        raise DataError(f"the values of an image are 0 or more, and here one is {least:,.6g}. Shift and scale them")
    if rules.full_scale == HIGH_BYTE:
        if is_float:
            raise DataError("floating-point images have no fixed range. Convert them to 8 or 16 bits")
        if largest > WHITE_16:
            raise DataError("32-bit images have no fixed range. Convert them to 8 or 16 bits")
        return float(WHITE_16)
    if declared is not None:
        return declared
    return scale_of(largest, is_float=is_float) if rules.full_scale == BY_FILE else float(rules.full_scale)


def eight_bits(values: Samples, white: float) -> Pixels:
    """Scale values so that `white` becomes 255: by leaving out lower bits where white is 2**n - 1, else rounded."""
    made = np.empty(values.shape, dtype=np.uint8)
    rows = max(1, _STRIP // max(1, values[0].size))
    bits = int(white).bit_length()
    is_shift = values.dtype.kind in "ui" and bits >= 8 and white == (1 << bits) - 1
    for top in range(0, len(values), rows):
        part = np.minimum(values[top : top + rows], white if values.dtype.kind == "f" else int(min(white, 2**63)))
        made[top : top + rows] = part >> (bits - 8) if is_shift else np.rint(part * (WHITE / white))
    return made
