"""Resize images as Pillow does (smoothed before shrinking) or as OpenCV does (not smoothed), and make them square."""

from __future__ import annotations

import numpy as np

from netwright.data.orientation import Box
from netwright.data.source import Pixels
from netwright.data.unsmoothed import resize_unsmoothed

__all__ = [
    "INTERPOLATIONS",
    "RESIZES",
    "center_crop",
    "letterbox",
    "make_square",
    "resize",
    "resize_and_crop",
    "resize_box",
    "resize_shorter",
    "square_at_once",
]

INTERPOLATIONS = ("nearest", "bilinear", "bicubic")
# how an image becomes square: its center is cut out; it is squeezed; it is put between bands of the background
RESIZES = ("crop", "squash", "letterbox")
# of longer images only the middle is resized, with so many times the shorter side: 8000 x 2 pixels would become
# 1,024,000 x 256. Far more than a crop and the support of its filter need
_MOST_ASPECT = 16


def resize(pixels: Pixels, height: int, width: int, interpolation: str, *, antialias: bool) -> Pixels:
    """Resize an image.

    Args:
        pixels: (H, W, C) uint8.
        height: Of the result.
        width: Of the result.
        interpolation: One of INTERPOLATIONS.
        antialias: Smooth before shrinking, as Pillow and torchvision do. Without it a pixel is computed from its 1, 4
            or 16 neighbors at any scale, as in OpenCV and MindSpore (pixel centers at halves, cubic with a = -0.75).

    Returns:
        (height, width, C) uint8.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    return (_as_pillow if antialias else resize_unsmoothed)(pixels, height, width, interpolation)


def resize_box(pixels: Pixels, height: int, width: int, interpolation: str, box: Box) -> Pixels:
    """Resize a box (top, left, height, width; fractions of pixels count) of an image, smoothed; else as `resize`."""
    top, left, tall, broad = box
    rows, columns = pixels.shape[:2]
    edges = (max(0.0, left), max(0.0, top), min(float(columns), left + broad), min(float(rows), top + tall))
    return _as_pillow(pixels, height, width, interpolation, edges)


def resize_shorter(pixels: Pixels, side: int, interpolation: str, *, antialias: bool) -> Pixels:
    """Resize an image so that its shorter side is `side`; the longer one keeps the ratio, rounded down.

    Args:
        pixels: (H, W, C) uint8.
        side: In pixels.
        interpolation: As `Preprocessing.interpolation`.
        antialias: Whether to average over pixels when the image becomes smaller.
    """
    height, width = pixels.shape[:2]
    if height <= width:
        return resize(pixels, side, int(side * width / height), interpolation, antialias=antialias)
    return resize(pixels, int(side * height / width), side, interpolation, antialias=antialias)


def resize_and_crop(pixels: Pixels, side: int, crop: int, interpolation: str, *, antialias: bool) -> Pixels:
    """Resize the shorter side to `side`, and cut out the center: the only way to a network's input with a square crop.

    Where the longer side is more than 16 times the shorter one, only the middle is resized, so that a sliver takes no
    more memory than other images; there a pixel may differ from those of the whole image by half a pixel's shift.

    Args:
        pixels: (H, W, C) uint8.
        side: Length of the shorter side before the crop.
        crop: Side of the result, at most `side`.
        interpolation: As `Preprocessing.interpolation`.
        antialias: As in `resize`.

    Returns:
        (crop, crop, C) uint8.
    """
    return center_crop(resize_shorter(_middle(pixels), side, interpolation, antialias=antialias), crop)


def _middle(pixels: Pixels) -> Pixels:
    """The part of an image around its center with at most _MOST_ASPECT times the shorter side."""
    height, width = pixels.shape[:2]
    most = _MOST_ASPECT * min(height, width)
    # an even number of pixels goes, so that the center stays where it is
    top, left = (max(0, length - most) // 2 for length in (height, width))
    return pixels[top : height - top, left : width - left]


def center_crop(pixels: Pixels, side: int) -> Pixels:
    """Cut out the center (side, side, C) of an image that is at least as large, as torchvision's CenterCrop."""
    height, width = pixels.shape[:2]
    top, left = round((height - side) / 2), round((width - side) / 2)
    return pixels[top : top + side, left : left + side]


def make_square(
    pixels: Pixels,
    side: int,
    crop: int,
    interpolation: str,
    *,
    antialias: bool,
    how: str = "crop",
    fill: tuple[int, ...] = (),
) -> Pixels:
    """The only way from an image of any shape to a network's input.

    Args:
        pixels: (H, W, C) uint8.
        side: Length before the center is cut out: of the shorter side for 'crop', else of the square.
        crop: Side of the result, at most `side`.
        interpolation: As `Preprocessing.interpolation`.
        antialias: As in `resize`.
        how: One of RESIZES.
        fill: Of letterbox: a value a channel for the bands.

    Returns:
        (crop, crop, C) uint8.
    """
    if how == "crop":
        return resize_and_crop(pixels, side, crop, interpolation, antialias=antialias)
    if how == "squash":
        return center_crop(resize(pixels, side, side, interpolation, antialias=antialias), crop)
    return center_crop(letterbox(pixels, side, interpolation, antialias=antialias, fill=fill), crop)


def letterbox(pixels: Pixels, side: int, interpolation: str, *, antialias: bool, fill: tuple[int, ...]) -> Pixels:
    """Resize an image so that its longer side is `side`, and put it in the middle of a square. Arguments as above."""
    height, width = pixels.shape[:2]
    longer = max(height, width)
    height, width = (max(1, round(side * length / longer)) for length in (height, width))
    square = np.empty((side, side, pixels.shape[2]), dtype=np.uint8)
    square[:] = np.array(fill, dtype=np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = resize(pixels, height, width, interpolation, antialias=antialias)
    return square


def square_at_once(pixels: Pixels, side: int, how: str, fill: tuple[int, ...]) -> Pixels:
    """Make an image square and resize it in one step (bilinear, smoothed), as sweeps do. Arguments as `make_square`."""
    height, width = pixels.shape[:2]
    if how != "crop":
        return make_square(pixels, side, side, "bilinear", antialias=True, how=how, fill=fill)
    if height == width == side:
        return pixels
    shorter = min(height, width)
    left, top = (width - shorter) / 2, (height - shorter) / 2
    return _as_pillow(pixels, side, side, "bilinear", (left, top, left + shorter, top + shorter))


def _as_pillow(
    pixels: Pixels, height: int, width: int, interpolation: str, box: tuple[float, float, float, float] | None = None
) -> Pixels:
    """The image, or a box of it (left, top, right, bottom), resized to (height, width, C)."""
    from PIL import Image

    def one(part: Pixels) -> Pixels:
        image = Image.fromarray(np.ascontiguousarray(part))
        return np.asarray(image.resize((width, height), Image.Resampling[interpolation.upper()], box=box))

    channels = pixels.shape[2]
    if channels == 3:
        return one(pixels)
    # each by itself: of RGBA, Pillow would weight colors by opacity
    planes = [one(pixels[..., channel]) for channel in range(channels)]
    return planes[0][..., np.newaxis] if channels == 1 else np.stack(planes, axis=2)
