"""Read PNGs of 16 bits a channel: their exact values, and what they declare."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from netwright.data.depth import WHITE_16, Samples
from netwright.errors import DataError

__all__ = ["is_sixteen_bit_color", "png_depth", "png_scale", "read_png", "significant_bits"]

_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD = 8 + 8 + 13 + 4  # the signature and the chunk IHDR
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # of the types of color without a palette
_ROWS = 64  # unpacked at once

Bytes = npt.NDArray[np.uint8]


def png_depth(data: bytes) -> int:
    """Bits a channel of a PNG; 0 for other files."""
    return data[24] if data[:8] == _PNG and len(data) > _HEAD else 0


def is_sixteen_bit_color(data: bytes) -> bool:
    """Whether it is a PNG of 16 bits with color or opacity, of which Pillow reads the upper eight only."""
    return png_depth(data) == 16 and data[25] in (2, 4, 6)


def significant_bits(data: bytes) -> int | None:
    """The bits that a PNG says its values have (chunk sBIT): the most of its colors; None where it says nothing."""
    for kind, body in _chunks(data):
        if kind == b"IDAT":
            return None
        if kind == b"sBIT":
            return max(body[:3] if data[25] in (2, 6) else body[:1], default=0) or None
    return None


def png_scale(data: bytes, values: Samples) -> float | None:
    """What a PNG of 16 bits declares as white, given its colors; None where it declares nothing.

    By the standard values of n significant bits are scaled up to all 16 bits, and sBIT only says how to undo that.
    Writers that leave them in the lower bits break it, and are known by lower bits that no scaling makes.
    """
    bits = significant_bits(data)
    if bits is None or not 8 <= bits <= 16:
        return None
    if bits == 16:
        return float(WHITE_16)
    upper = values >> (16 - bits)
    is_scaled = ((upper << (16 - bits)) == values).all() or (
        ((upper << (16 - bits)) | (upper >> (2 * bits - 16))) == values
    ).all()
    return float(WHITE_16 if is_scaled or values.max() >= 1 << bits else (1 << bits) - 1)


def read_png(data: bytes) -> Samples:
    """(H, W, C) uint16 of a PNG of 16 bits a channel, by the standard (W3C, PNG third edition, sections 7 to 10).

    Raises:
        DataError: It is interlaced, or damaged.
    """
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    channels, is_interlaced = _CHANNELS[data[25]], data[28]
    if is_interlaced:
        raise DataError("the exact values of an interlaced PNG of 16 bits are not read. Save it without interlacing")
    size = 2 * channels
    # a row and a column of zeros before the pixels, which the standard takes for what is outside
    pixels = np.zeros((height + 1, width + 1, size), dtype=np.uint8)
    kinds = np.zeros(height, dtype=np.uint8)
    top = 0
    for rows in _unpacked(data, 1 + width * size, height):
        kinds[top : top + len(rows)] = rows[:, 0]
        pixels[top + 1 : top + 1 + len(rows), 1:] = rows[:, 1:].reshape(len(rows), width, size)
        top += len(rows)
    if top < height or kinds.max(initial=0) > 4:
        raise DataError("this PNG is truncated or damaged")
    _undo_filters(pixels, kinds)
    return pixels[1:, 1:].reshape(height, width, channels, 2).view(">u2")[..., 0]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += length + 12


def _unpacked(data: bytes, length: int, height: int) -> Iterator[Bytes]:
    """(n, length) bytes of some rows at a time; never more than the image has, however much is packed."""
    unpacker, rest, rows = zlib.decompressobj(), b"", 0
    try:
        for body in (body for kind, body in _chunks(data) if kind == b"IDAT"):
            while body and rows < height:
                rest += unpacker.decompress(body, _ROWS * length - len(rest))
                body = unpacker.unconsumed_tail
                count = min(len(rest) // length, height - rows)
                if count:
                    yield np.frombuffer(rest, dtype=np.uint8, count=count * length).reshape(count, length)
                    rest, rows = rest[count * length :], rows + count
    except zlib.error as error:
        raise DataError(f"this PNG is damaged: {error}") from error


def _undo_filters(pixels: Bytes, kinds: Bytes) -> None:
    """Undo the filters of rows, in place: 0 none, 1 sub, 2 up, 3 average, 4 Paeth."""
    for top, end, is_slanted in _runs(kinds):
        if is_slanted:
            _undo_slanted(pixels[top : end + 1], kinds[top:end])
            continue
        for row in range(top, end):
            if kinds[row] == 1:
                np.cumsum(pixels[row + 1], axis=0, dtype=np.uint8, out=pixels[row + 1])
            elif kinds[row] == 2:
                pixels[row + 1] += pixels[row]


def _runs(kinds: Bytes) -> Iterator[tuple[int, int, bool]]:
    """(first row, end, whether these need pixels of the same and of the former row)."""
    slanted = kinds >= 3
    edges = [0, *(np.flatnonzero(np.diff(slanted)) + 1).tolist(), len(kinds)]
    for top, end in itertools.pairwise(edges):
        yield top, end, bool(slanted[top])


def _undo_slanted(pixels: Bytes, kinds: Bytes) -> None:
    """Average and Paeth, where a pixel needs those to the left, above, and above to the left.

    All pixels of a diagonal from the lower left to the upper right need only the two diagonals before.
    """
    rows, columns, size = len(kinds), pixels.shape[1] - 1, pixels.shape[2]
    line, step = pixels.strides[0], pixels.strides[1]
    is_average = (kinds == 3)[:, np.newaxis]

    def diagonal(y: int, x: int, count: int) -> Bytes:
        """From (y, x) to the lower left."""
        return np.lib.stride_tricks.as_strided(pixels[y:, x:], (count, size), (line - step, 1))

    for number in range(rows + columns - 1):
        y, end = max(0, number - columns + 1), min(rows, number + 1)
        x, count = number - y, end - y
        left, above, corner = (diagonal(*at, count).astype(np.int16) for at in ((y + 1, x), (y, x + 1), (y, x)))
        to_left, to_above = np.abs(above - corner), np.abs(left - corner)
        to_corner = np.abs(left + above - 2 * corner)
        nearest = np.where(to_above <= to_corner, above, corner)
        nearest = np.where((to_left <= to_above) & (to_left <= to_corner), left, nearest)
        predicted = np.where(is_average[y:end], (left + above) >> 1, nearest)
        here = diagonal(y + 1, x + 1, count)
        here += predicted.astype(np.uint8)
