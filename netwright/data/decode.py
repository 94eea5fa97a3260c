"""Decode images of any common format to uint8 pixels."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netwright.data.libtiff import silence_libtiff
from netwright.data.source import Pixels
from netwright.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "ASPECT_LIMIT",
    "PIXEL_LIMIT",
    "ImageHeader",
    "decode",
    "decode_full",
    "ignore_pillow_warnings",
    "read_header",
    "refuse_shape",
]

# Pillow's own limit: a larger image is refused as a decompression bomb
PIXEL_LIMIT = 89_478_485
# the longer side in shorter ones: of 8000 x 2 pixels a network would see four
ASPECT_LIMIT = 1_000

_TIFF = (b"II*\0", b"MM\0*")
_EXIF_ORIENTATION = 0x0112
# EXIF orientation -> what undoes it (Exif 2.32, table 6): do rows become columns, then the steps of rows and columns
_UPRIGHT = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}
_STRIP_PIXELS = 1 << 20  # converted at once: Pillow takes up to 16 bytes a pixel meanwhile


class ImageHeader(NamedTuple):
    """Size in pixels and color of an image, read without decoding it."""

    height: int
    width: int
    is_gray: bool


def read_header(data: bytes | Pixels) -> ImageHeader:
    """Read the size and color of an image without decoding it.

    Args:
        data: An encoded image, or (H, W, C) uint8 pixels.

    Raises:
        DataError: It is no image.
    """
    if isinstance(data, np.ndarray):
        return ImageHeader(data.shape[0], data.shape[1], data.shape[2] == 1)
    try:
        if _is_jpeg(data):
            import simplejpeg

            height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data, strict=False)
            return ImageHeader(height, width, colorspace.upper() == "GRAY")
        with _open(data) as image:
            return ImageHeader(image.height, image.width, image.mode in ("1", "L", "LA", "I", "I;16", "I;16B"))
    except Exception as error:  # as in decode
        raise DataError(_reason(error)) from error


def decode(data: bytes | Pixels, resolution: int, channels: int) -> Pixels:
    """Decode an image to a square.

    The shorter side is resized to `resolution` (bilinear with antialiasing) and the center is cut out; an image that
    has this size already is not resized. EXIF orientation is undone, CMYK is read as Adobe writes it (inverted), 16-bit
    values keep their upper 8 bits, and transparent images are laid on black. Of several frames the first is taken.

    Args:
        data: An encoded image, or (H, W, C) uint8 pixels.
        resolution: Side of the result in pixels.
        channels: 1 (gray) or 3 (RGB).

    Returns:
        (resolution, resolution, channels) uint8.

    Raises:
        DataError: It is no image, is damaged, or `refuse_shape` refuses it.
    """
    return _resize_and_crop(_decode(data, channels, resolution), resolution)


def decode_full(data: bytes | Pixels, channels: int) -> Pixels:
    """Decode an image to (H, W, channels) uint8 in its own size; all else as in `decode`."""
    return _decode(data, channels, None)


def refuse_shape(height: int, width: int) -> None:
    """Refuse, before it is decoded, an image that has too many pixels or is a sliver.

    Raises:
        DataError: It has more than PIXEL_LIMIT pixels, or one side is more than ASPECT_LIMIT times the other.
    """
    if height * width > PIXEL_LIMIT:
        raise DataError(
            f"an image has at most {PIXEL_LIMIT:,} pixels, and this one has {width:,} x {height:,}. Make it smaller"
        )
    if max(height, width) > ASPECT_LIMIT * min(height, width):
        raise DataError(
            f"the longer side of an image is at most {ASPECT_LIMIT:,} times the shorter one, and this one has "
            f"{width:,} x {height:,} pixels. Cut out the part that counts"
        )


def ignore_pillow_warnings() -> None:
    """Ignore Pillow's warnings about damaged EXIF and the like: such images are read all the same."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _decode(data: bytes | Pixels, channels: int, resolution: int | None) -> Pixels:
    """(H, W, channels), in full size or with sides of at least twice the resolution."""
    try:
        pixels = data if isinstance(data, np.ndarray) else _decode_bytes(data, resolution, channels)
        return _with_channels(pixels, channels)
    except DataError:
        raise
    except Exception as error:  # decoders of arbitrary bytes can raise nearly anything
        raise DataError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, DataError):
        return str(error)
    bomb = re.fullmatch(r"Image size \((\d+) pixels\) exceeds limit of (\d+) pixels.*", str(error))  # Pillow's
    if bomb is not None:
        return f"it has {int(bomb[1]):,} pixels, and at most {int(bomb[2]):,} are read. Make it smaller."
    # without the buffer's address that Pillow prints: the reason must be the same in every run
    text = str(error).split("<_io.BytesIO")[0].strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _is_jpeg(data: bytes) -> bool:
    return data[:3] == b"\xff\xd8\xff"


def _decode_bytes(data: bytes, resolution: int | None, channels: int) -> Pixels:
    """(H, W, channels) uint8, upright, not yet resized to the resolution."""
    if _is_jpeg(data):
        pixels = _decode_jpeg(data, resolution, channels)
        if pixels is not None:
            return pixels
    with _open(data) as image:
        refuse_shape(image.height, image.width)
        image.load()
        orientation = _orientation(image)
        pixels = _pixels(_eight_bit(image), channels)
    del image  # its pixels are as many as these, and turning them makes others
    return _upright(pixels, orientation)


def _decode_jpeg(data: bytes, resolution: int | None, channels: int) -> Pixels | None:
    """Decode fast; None where Pillow must decode: CMYK, and damage that simplejpeg does not accept."""
    import simplejpeg

    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
        refuse_shape(height, width)
        if colorspace.upper() in ("CMYK", "YCCK"):
            return None
        # the DCT halves large images, down to twice the resolution; the rest is resized with antialiasing
        least = 2 * resolution if resolution is not None and min(height, width) >= 4 * resolution else 0
        pixels: Pixels = simplejpeg.decode_jpeg(
            data,
            colorspace="GRAY" if channels == 1 else "RGB",
            min_height=least,
            min_width=least,
            min_factor=2 if least else 1,
        )
    except ValueError:
        return None
    orientation = _jpeg_orientation(data) if data.find(b"Exif\0\0", 0, 65536) >= 0 else 1
    return _upright(pixels, orientation)


def _open(data: bytes) -> Image:
    from PIL import Image

    if data[:4] in _TIFF:
        silence_libtiff()
    # what begins as a JPEG is nothing else, however damaged
    return Image.open(io.BytesIO(data), formats=("JPEG",) if _is_jpeg(data) else None)


def _orientation(image: Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # the pixels of an image with damaged EXIF are fine
        return 1


def _jpeg_orientation(data: bytes) -> int:
    try:
        with _open(data) as image:
            return _orientation(image)
    except Exception:  # as above: Pillow reads EXIF when it opens an image
        return 1


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    if orientation not in _UPRIGHT:
        return pixels
    is_turned, rows, columns = _UPRIGHT[orientation]
    turned = pixels.swapaxes(0, 1) if is_turned else pixels
    return np.ascontiguousarray(turned[::rows, ::columns])


def _eight_bit(image: Image) -> Image:
    """The image with 8 bits per channel; Pillow itself would clip 16-bit values at 255."""
    from PIL import Image

    if image.mode == "F":
        raise DataError("floating-point images have no fixed range. Convert them to 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise DataError("32-bit images have no fixed range. Convert them to 8 or 16 bits")
    return Image.fromarray((values >> 8).astype(np.uint8))


def _pixels(image: Image, channels: int) -> Pixels:
    """(H, W, channels) uint8. A large image is converted strip by strip: the intermediate forms of all of it are more
    than its pixels, and Pillow makes some of them without letting other threads run.
    """
    rows = max(1, _STRIP_PIXELS // image.width)
    if rows >= image.height:
        return _converted(image, channels)
    pixels = np.empty((image.height, image.width, channels), dtype=np.uint8)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        pixels[top : top + rows] = _converted(strip, channels)
    return pixels


def _converted(image: Image, channels: int) -> Pixels:
    from PIL import Image

    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, (0, 0, 0, 255)), clear)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


def _image(pixels: Pixels) -> Image:
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _with_channels(pixels: Pixels, channels: int) -> Pixels:
    return pixels if pixels.shape[2] == channels else _pixels(_image(pixels), channels)


def _resize_and_crop(pixels: Pixels, resolution: int) -> Pixels:
    """Resize the shorter side to the resolution and cut out the center, in one step."""
    from PIL import Image

    height, width, channels = pixels.shape
    if height == width == resolution:
        return pixels
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    square = _image(pixels).resize(
        (resolution, resolution), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side)
    )
    return np.asarray(square).reshape(resolution, resolution, channels)
