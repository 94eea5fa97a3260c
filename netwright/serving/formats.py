"""The formats of images that a server can read: how each is recognized, and the memory that decoding it takes."""

from __future__ import annotations

from dataclasses import dataclass

from netwright.data.deep import exact_bytes_per_pixel

__all__ = ["DEFAULT_FORMATS", "FORMATS", "ImageFormat", "bytes_per_pixel", "format_of", "in_words", "occurrences"]


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """A format of images.

    Attributes:
        label: Its name as people write it.
        magics: (offset, bytes) of which a file has one.
        bytes_per_pixel: The most that a process takes to decode an image and make a network's input of it. Measured
            with 16 million pixels, of the costliest kind: transparent, turned, 16 bits or progressive.
    """

    label: str
    magics: tuple[tuple[int, bytes], ...]
    bytes_per_pixel: int


# what `--formats` calls it -> format. Pillow reads more, some of which are programs or hide a second size
FORMATS = {
    "avif": ImageFormat("AVIF", ((4, b"ftypavi"),), 16),
    "bmp": ImageFormat("BMP", ((0, b"BM"),), 9),
    "gif": ImageFormat("GIF", ((0, b"GIF8"),), 9),
    "jpeg": ImageFormat("JPEG", ((0, b"\xff\xd8\xff"),), 14),
    # its decoder holds up the whole process meanwhile
    "jpeg2000": ImageFormat("JPEG 2000", ((0, b"\0\0\0\x0cjP  "),), 40),
    "png": ImageFormat("PNG", ((0, b"\x89PNG\r\n\x1a\n"),), 9),
    "tiff": ImageFormat("TIFF", ((0, b"II*\0"), (0, b"MM\0*")), 16),
    "webp": ImageFormat("WebP", ((8, b"WEBP"),), 18),
}
# of a JPEG of other colors than CMYK; the coefficients of a progressive one are in memory until the last scan
_BASELINE, _PROGRESSIVE = 9, 10
_PROGRESSIVE_FRAME = b"\xff\xc2"
_PART_BYTES = 1 << 16
DEFAULT_FORMATS = ("jpeg", "png", "webp")


def format_of(data: bytes) -> str | None:
    """The key in FORMATS of an encoded image; None for none of them."""
    for name, kind in FORMATS.items():
        if any(data.startswith(magic, offset) for offset, magic in kind.magics):
            return name
    return None


def bytes_per_pixel(name: str, data: bytes) -> int:
    """What decoding takes. name: of the format of these data. Most JPEGs take less than the costliest."""
    if name in ("png", "tiff"):
        return max(FORMATS[name].bytes_per_pixel, exact_bytes_per_pixel(data))
    if name != "jpeg":
        return FORMATS[name].bytes_per_pixel
    import simplejpeg

    try:
        colors = simplejpeg.decode_jpeg_header(data, strict=False)[2].upper()
    except ValueError:
        colors = "CMYK"
    if colors in ("CMYK", "YCCK"):
        return FORMATS[name].bytes_per_pixel
    return _PROGRESSIVE if occurrences(data, _PROGRESSIVE_FRAME, 0) else _BASELINE


def occurrences(data: bytes, pattern: bytes, most: int) -> int:
    """How often two bytes occur; where it is more than `most`, a number above it.

    Part by part: a search of 32 MiB at once would let no other thread run for 30 ms, and one of 1 MiB for 2.5.
    """
    count = 0
    for start in range(0, len(data), _PART_BYTES):
        count += data.count(pattern, start, start + _PART_BYTES + len(pattern) - 1)  # also across the end of a part
        if count > most:
            break
    return count


def in_words(names: tuple[str, ...]) -> str:
    """The labels of formats, as a list for people."""
    return ", ".join(FORMATS[name].label for name in names)
