"""Decode images of any common format to uint8 pixels."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netwright.data.channels import other_channels, read_channels
from netwright.data.decode_rules import PIXEL_LIMIT, DecodeRules
from netwright.data.deep import color_in_eight_bits, gray_in_eight_bits
from netwright.data.heif import enable_heif, is_heif
from netwright.data.libtiff import silence_libtiff
from netwright.data.orientation import orientation_of, upright
from netwright.data.resize import square_at_once
from netwright.data.source import Pixels
from netwright.data.tiff import TIFF, read_tiff_header
from netwright.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "ASPECT_LIMIT",
    "PIXEL_LIMIT",
    "ImageHeader",
    "decode",
    "decode_full",
    "decode_reduced",
    "ignore_pillow_warnings",
    "jpeg_orientation",
    "open_image",
    "pillow_limit",
    "plain_jpeg_size",
    "read_header",
    "refuse_shape",
]

# the longer side in shorter ones: of 8000 x 2 pixels a network would see four
ASPECT_LIMIT = 1_000

_GRAY = ("1", "L", "LA", "I", "I;16", "I;16B", "F")
_RULES = DecodeRules()
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
        with open_image(data) as image:
            return ImageHeader(image.height, image.width, image.mode in _GRAY)
    except Exception as error:  # as in decode
        if data[:4] in TIFF and (found := _tiff_header(data)) is not None:
            return found
        raise DataError(_reason(error)) from error


def decode(
    data: bytes | Pixels, resolution: int, channels: int, *, resize: str = "crop", rules: DecodeRules = _RULES
) -> Pixels:
    """Decode an image to a square, resized in one step (bilinear with antialiasing).

    An image that has this size already is not resized. EXIF orientation is undone, CMYK is read as Adobe writes it
    (inverted), and of several frames the first is taken. The format is known by the content, never by a file's name.

    Args:
        data: An encoded image, or (H, W, C) uint8 pixels.
        resolution: Side of the result in pixels.
        channels: 1 (gray) or 3 (RGB), into which any colors are converted. Other numbers are read as data and must be
            the file's own: 2 (gray with opacity), 4 (RGBA), or those of a multispectral TIFF.
        resize: One of RESIZES: 'crop' cuts out the center, 'squash' squeezes, 'letterbox' adds bands of the background.
        rules: What transparent parts lie on, and what is white in images of more than 8 bits.

    Returns:
        (resolution, resolution, channels) uint8.

    Raises:
        DataError: It is no image, is damaged, has other channels, or `refuse_shape` refuses it.
    """
    return square_at_once(_decode(data, channels, resolution, rules), resolution, resize, rules.fill(channels))


def decode_full(data: bytes | Pixels, channels: int, *, rules: DecodeRules = _RULES) -> Pixels:
    """Decode an image to (H, W, channels) uint8 in its own size; all else as in `decode`."""
    return _decode(data, channels, None, rules)


def plain_jpeg_size(data: bytes | Pixels, max_pixels: int = PIXEL_LIMIT) -> tuple[int, int] | None:
    """Height and width of a JPEG whose pixels lie upright and are gray or color; None of all else, and of damaged ones.

    Raises:
        DataError: `refuse_shape` refuses it.
    """
    if isinstance(data, np.ndarray) or not _is_jpeg(data):
        return None
    import simplejpeg

    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    refuse_shape(height, width, max_pixels)
    if colorspace.upper() in ("CMYK", "YCCK") or jpeg_orientation(data) != 1:
        return None
    return height, width


def decode_reduced(data: bytes, channels: int, reduction: int, *, rules: DecodeRules = _RULES) -> Pixels:
    """Decode a JPEG of `plain_jpeg_size` to a fraction of its size, without computing the other pixels.

    Args:
        data: The file.
        channels: 1 or 3.
        reduction: 1, 2, 4 or 8.
        rules: As in `decode`.

    Returns:
        (ceil(H / reduction), ceil(W / reduction), channels) uint8; (H, W, channels) of one that is damaged a little.

    Raises:
        DataError: It is damaged.
    """
    import simplejpeg

    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        pixels: Pixels = simplejpeg.decode_jpeg(
            data,
            colorspace="GRAY" if channels == 1 else "RGB",
            min_height=-(-height // reduction) if reduction > 1 else 0,
            min_width=-(-width // reduction) if reduction > 1 else 0,
            min_factor=reduction,
        )
    except ValueError:
        return decode_full(data, channels, rules=rules)
    return pixels


def refuse_shape(height: int, width: int, max_pixels: int = PIXEL_LIMIT) -> None:
    """Refuse, before it is decoded, an image that has too many pixels or is a sliver.

    Raises:
        DataError: It has more than max_pixels, or one side is more than ASPECT_LIMIT times the other.
    """
    if height * width > max_pixels:
        raise DataError(
            f"an image has at most {max_pixels:,} pixels, and this one has {width:,} x {height:,}. Make it smaller"
        )
    if max(height, width) > ASPECT_LIMIT * min(height, width):
        raise DataError(
            f"the longer side of an image is at most {ASPECT_LIMIT:,} times the shorter one, and this one has "
            f"{width:,} x {height:,} pixels. Cut out the part that counts"
        )


@contextmanager
def pillow_limit(max_pixels: int) -> Iterator[None]:
    """Let Pillow open images of so many pixels in this process, too; never fewer than its own limit."""
    from PIL import Image

    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max(max_pixels, before or max_pixels)
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def ignore_pillow_warnings() -> None:
    """Ignore Pillow's warnings about damaged EXIF and the like: such images are read all the same."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _decode(data: bytes | Pixels, channels: int, resolution: int | None, rules: DecodeRules) -> Pixels:
    """(H, W, channels), in full size or with sides of at least twice the resolution."""
    try:
        pixels = data if isinstance(data, np.ndarray) else _decode_bytes(data, resolution, channels, rules)
        return _with_channels(pixels, channels, rules)
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


def _decode_bytes(data: bytes, resolution: int | None, channels: int, rules: DecodeRules) -> Pixels:
    """(H, W, channels) uint8, upright, not yet resized to the resolution."""
    if channels not in (1, 3) or _is_beyond_pillow(data):
        header = read_header(data)
        refuse_shape(header.height, header.width, rules.max_pixels)
        return read_channels(data, channels, rules, open_image)
    if _is_jpeg(data):
        pixels = _decode_jpeg(data, resolution, channels, rules.max_pixels)
        if pixels is not None:
            return pixels
    with open_image(data) as image:
        refuse_shape(image.height, image.width, rules.max_pixels)
        image.load()
        orientation = orientation_of(image)
        pixels = _pixels(_eight_bit(data, image, rules), channels, rules)
    del image  # its pixels are as many as these, and turning them makes others
    return upright(pixels, orientation)


def _decode_jpeg(data: bytes, resolution: int | None, channels: int, max_pixels: int) -> Pixels | None:
    """Decode fast; None where Pillow must decode: CMYK, and damage that simplejpeg does not accept."""
    import simplejpeg

    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
        refuse_shape(height, width, max_pixels)
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
    return upright(pixels, jpeg_orientation(data))


def open_image(data: bytes) -> Image:
    """Open an image with Pillow, which knows its format by the content; the pixels are not decoded yet."""
    from PIL import Image

    if data[:4] in TIFF:
        silence_libtiff()
    if is_heif(data):
        enable_heif()
    # what begins as a JPEG is nothing else, however damaged
    return Image.open(io.BytesIO(data), formats=("JPEG",) if _is_jpeg(data) else None)


def _is_beyond_pillow(data: bytes) -> bool:
    """Whether it is a TIFF of several channels that Pillow cannot open: of more bands, floating point, 32 bits."""
    if data[:4] not in TIFF:
        return False
    try:
        open_image(data).close()
    except Exception:  # as in decode
        return _tiff_header(data) is not None
    return False


def _tiff_header(data: bytes) -> ImageHeader | None:
    """Of a TIFF that Pillow cannot open, as it has more channels or bits; None where it has not."""
    try:
        found = read_tiff_header(data)
    except DataError:
        return None
    return ImageHeader(found.height, found.width, is_gray=False) if found.channels > 1 else None


def jpeg_orientation(data: bytes) -> int:
    """The EXIF orientation of a JPEG; 1, which is upright, where it has none."""
    if data.find(b"Exif\0\0", 0, 65536) < 0:
        return 1
    try:
        with open_image(data) as image:
            return orientation_of(image)
    except Exception:  # as above: Pillow reads EXIF when it opens an image
        return 1


def _eight_bit(data: bytes, image: Image, rules: DecodeRules) -> Image:
    """The image with 8 bits per channel; Pillow itself would clip 16-bit values at 255."""
    from PIL import Image

    if image.mode[0] in "IF":
        return Image.fromarray(gray_in_eight_bits(data, image, rules))
    return color_in_eight_bits(data, image, rules)


def _pixels(image: Image, channels: int, rules: DecodeRules) -> Pixels:
    """(H, W, channels) uint8. A large image is converted strip by strip: the intermediate forms of all of it are more
    than its pixels, and Pillow makes some of them without letting other threads run.
    """
    rows = max(1, _STRIP_PIXELS // image.width)
    if rows >= image.height:
        return _converted(image, channels, rules)
    pixels = np.empty((image.height, image.width, channels), dtype=np.uint8)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        pixels[top : top + rows] = _converted(strip, channels, rules)
    return pixels


def _converted(image: Image, channels: int, rules: DecodeRules) -> Pixels:
    from PIL import Image

    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, (*rules.color, 255)), clear)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


def _with_channels(pixels: Pixels, channels: int, rules: DecodeRules) -> Pixels:
    from PIL import Image

    own = pixels.shape[2]
    if own == channels:
        return pixels
    if channels not in (1, 3) or own > 4:
        raise DataError(other_channels(own, channels))
    return _pixels(Image.fromarray(pixels[..., 0] if own == 1 else pixels), channels, rules)
