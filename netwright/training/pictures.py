"""A picture of a few training images as the network sees them: what is cut off, black or turned is seen at once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from netwright.data.preprocess import Preprocessing
from netwright.errors import DataError
from netwright.loader import Split
from netwright.system.atomic import write_bytes

__all__ = ["draw_images"]

_COLUMNS, _COUNT = 4, 8
_SIDE, _GAP = 160, 8  # pixels
_TRIED = 3  # of a place, where images are bad


def draw_images(path: Path, split: Split, preprocessing: Preprocessing) -> None:
    """Write a PNG of eight images, of as many classes, as they are in validation: not changed at random.

    Nothing is written where none of them can be read.

    Args:
        path: The file.
        split: The images to train on.
        preprocessing: Of the network's input.

    Raises:
        OutputError: It cannot be written.
    """
    from PIL import Image

    shown = list(_pixels(split, preprocessing))
    if not shown:
        return
    rows = -(-len(shown) // _COLUMNS)
    step = _SIDE + _GAP
    sheet = Image.new("RGB", (_GAP + step * min(_COLUMNS, len(shown)), _GAP + step * rows), "#808080")
    for place, pixels in enumerate(shown):
        image = Image.fromarray(pixels).convert("RGB")
        side = Image.Resampling.NEAREST if max(image.size) < _SIDE else Image.Resampling.BOX
        at = (_GAP + step * (place % _COLUMNS), _GAP + step * (place // _COLUMNS))
        sheet.paste(image.resize((_SIDE, _SIDE), side), at)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    write_bytes(path, buffer.getvalue(), what="the picture of training images", elsewhere="another --out")


def _pixels(split: Split, preprocessing: Preprocessing) -> Iterator[npt.NDArray[np.uint8]]:
    """(H, W) or (H, W, 3) of each image: evenly over the classes, the same for the same images."""
    labels, classes = split.labels, len(split.class_names)
    wanted = [k * classes // _COUNT if classes > _COUNT else k % classes for k in range(_COUNT)]
    for place, label in enumerate(wanted):
        members = np.flatnonzero(labels == label)
        number, of = wanted[:place].count(label), wanted.count(label)
        if number >= len(members):
            continue
        first = len(members) * number // of
        for position in members[first : first + _TRIED].tolist():
            try:
                pixels = preprocessing.pixels(split.read(position).data)
            except (DataError, OSError):
                continue  # bad images are named while they are trained on
            yield np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] < 3 else pixels[..., :3])
            break
