"""Encoded images of any common format -> square uint8 pixels."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netwright.data.source import Pixels
from netwright.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["PIXEL_LIMIT", "Look", "decode", "decode_full", "look"]

# Pillow's own limit: a larger image is refused as a decompression bomb
PIXEL_LIMIT = 89_478_485

_EXIF_ORIENTATION = 0x0112
# EXIF orientation -> the PIL.Image.Transpose that undoes it (Exif 2.32, table 6)
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


class Look(NamedTuple):
    """What an image's header says."""

    height: int
    width: int
    is_gray: bool


def look(data: bytes | Pixels) -> Look:
    """Size and color of an image without decoding it; DataError when it is no image."""
    if isinstance(data, np.ndarray):
        return Look(data.shape[0], data.shape[1], data.shape[2] == 1)
    try:
        if _is_jpeg(data):
            import simplejpeg

            height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data, strict=False)
            return Look(height, width, colorspace.upper() == "GRAY")
        with _open(data) as image:
            return Look(image.height, image.width, image.mode in ("1", "L", "LA", "I", "I;16", "I;16B"))
    except Exception as error:  # as in decode
        raise DataError(_reason(error)) from error


def decode(data: bytes | Pixels, resolution: int, channels: int) -> Pixels:
    """An image as (resolution, resolution, channels) uint8; channels is 1 (gray) or 3 (RGB).

    The shorter side is resized to `resolution` (bilinear with antialiasing) and the center is cut out; an image of
    that size already is left as it is. EXIF orientation is undone, CMYK is read as Adobe writes it (inverted),
    16-bit values keep their upper 8 bits, and transparent images are laid on black. Of several frames the first
    counts. Raises DataError for what is no image, is damaged, or has more than PIXEL_LIMIT pixels.
    """
    return _fit(_decode(data, channels, resolution), resolution)


def decode_full(data: bytes | Pixels, channels: int) -> Pixels:
    """An image as (H, W, channels) uint8 in its own size; all else as in `decode`."""
    return _decode(data, channels, None)


def _decode(data: bytes | Pixels, channels: int, resolution: int | None) -> Pixels:
    """(H, W, channels); at least twice the resolution, or of full size."""
    try:
        pixels = data if isinstance(data, np.ndarray) else _decode_bytes(data, resolution, channels)
        return _with_channels(pixels, channels)
    except DataError:
        raise
    except Exception as error:  # the decoders meet arbitrary bytes and raise nearly anything on them
        raise DataError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, DataError):
        return str(error)
    # Pillow prints the address of the buffer: the reason must be the same in every run
    text = str(error).split("<_io.BytesIO")[0].strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _is_jpeg(data: bytes) -> bool:
    return data[:3] == b"\xff\xd8\xff"


def _refuse_bomb(height: int, width: int) -> None:
    if height * width > PIXEL_LIMIT:
        raise DataError(f"an image has at most {PIXEL_LIMIT:,} pixels, and this one has {width:,} x {height:,}")


def _decode_bytes(data: bytes, resolution: int | None, channels: int) -> Pixels:
    """(H, W, channels) uint8, upright, not yet resized to the resolution."""
    if _is_jpeg(data):
        pixels = _decode_jpeg(data, resolution, channels)
        if pixels is not None:
            return pixels
    with _open(data) as image:
        _refuse_bomb(image.height, image.width)
        image.load()
        upright = _upright(image, _orientation(image))
        return _pixels(_eight_bit(upright), channels)


def _decode_jpeg(data: bytes, resolution: int | None, channels: int) -> Pixels | None:
    """The fast way; None for what Pillow must judge: CMYK, and damage that simplejpeg is stricter about."""
    import simplejpeg

    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
        _refuse_bomb(height, width)
        if colorspace.upper() in ("CMYK", "YCCK"):
            return None
        # the DCT itself halves large images, down to twice the resolution: the rest is resized with antialiasing
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
    return _pixels(_upright(_image(pixels), orientation), channels) if orientation in _UPRIGHT else pixels


def _open(data: bytes) -> Image:
    from PIL import Image

    return Image.open(io.BytesIO(data))


def _orientation(image: Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # damaged EXIF does not make the pixels worse
        return 1


def _jpeg_orientation(data: bytes) -> int:
    try:
        with _open(data) as image:
            return _orientation(image)
    except Exception:  # as above: Pillow looks at EXIF in opening already
        return 1


def _upright(image: Image, orientation: int) -> Image:
    from PIL import Image

    return image.transpose(Image.Transpose[_UPRIGHT[orientation]]) if orientation in _UPRIGHT else image


def _eight_bit(image: Image) -> Image:
    """The image with 8 bits a channel; Pillow itself would clip 16-bit values at 255."""
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


def _fit(pixels: Pixels, resolution: int) -> Pixels:
    """Shorter side to the resolution and the center cut out, in one step."""
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
