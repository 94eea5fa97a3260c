"""An image inside a page, as a data URL: small ones pixel by pixel, others as a thumbnail."""

from __future__ import annotations

import base64
import io
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Picture", "picture_of"]

_THUMBNAIL = 160  # pixels a side at most
_SMALL = 64  # an image of up to this many pixels a side is shown pixel by pixel


class Picture(NamedTuple):
    """An image and its label. source: a data URL; is_small: whether its pixels are shown large."""

    label: str
    source: str
    is_small: bool


def picture_of(pixels: npt.NDArray[np.uint8], label: str) -> Picture:
    """(H, W, C) pixels as a picture; of more than three channels the first three, of two the first."""
    from PIL import Image

    colors = pixels[..., 0] if pixels.shape[2] < 3 else pixels[..., :3]
    image, buffer = Image.fromarray(np.ascontiguousarray(colors)), io.BytesIO()
    is_small = max(image.size) <= _SMALL
    if is_small:
        image.save(buffer, "PNG")
    else:
        image.thumbnail((_THUMBNAIL, _THUMBNAIL))
        image.save(buffer, "JPEG", quality=82)
    kind = "png" if is_small else "jpeg"
    return Picture(label, f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}", is_small)
