"""Notice pictures of which the center square leaves out most."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netwright.data.decode import read_header
from netwright.data.source import Pixels
from netwright.errors import DataError

__all__ = ["elongated_warning"]

_SAMPLE = 64  # headers
_RATIO = 2.0  # of the longer side to the shorter: half of the picture or more is cut off
_SHARE = 0.2  # of the images that is worth a warning


def elongated_warning(read: Callable[[int], bytes | Pixels], images: int, resize: str) -> str:
    """A sentence where a fifth or more of the images is cut to half or less; else ''.

    Args:
        read: Image number -> its data.
        images: How many there are.
        resize: How they become square: only 'crop' cuts.
    """
    if resize != "crop":
        return ""
    seen = long = 0
    for number in np.unique(np.linspace(0, images - 1, min(_SAMPLE, images)).astype(np.int64)).tolist():
        try:
            header = read_header(read(number))
        except (DataError, OSError):  # reported when it is decoded
            continue
        seen += 1
        long += max(header.height, header.width) >= _RATIO * min(header.height, header.width)
    if not long or long < _SHARE * seen:
        return ""
    where = f"{long:,} of {seen:,} images" + (" of a sample" if seen < images else "")
    return (
        f"{where} {'is' if long == 1 else 'are'} at least twice as long one way as the other, and only the center "
        "square is seen. --resize letterbox or squash shows all of a picture"
    )
