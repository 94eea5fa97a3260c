"""Where the parts of a JPEG lie in its bytes, and how to cut pixels out before they are decoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.data.source import IntArray

__all__ = ["JpegCut", "JpegLayout", "cut_jpeg", "read_layout"]

_SEQUENTIAL = (0xC0, 0xC1)  # markers of frames that one pass decodes from the top, Huffman-coded
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_INTERVAL, _SCAN, _EXIF, _END = 0xDD, 0xDA, 0xE1, b"\xff\xd9"
_TAIL = 32  # bytes in which the end is looked for first: nothing else is as quick
# rows and columns around a part that smooth color upsampling looks at
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class JpegLayout:
    """A sequential JPEG of one scan, whose end is there.

    Attributes:
        height: In pixels, as stored; width likewise.
        block_height: Pixels of the smallest unit that is coded (MCU); block_width likewise.
        size_at: Byte of the height in the header; the width follows.
        scan: Byte where the coded pixels begin.
        end: Byte behind them.
        interval: Units between two restart markers; 0: there are none.
        has_exif: Whether a camera has noted something, such as an orientation.
    """

    height: int
    width: int
    block_height: int
    block_width: int
    size_at: int
    scan: int
    end: int
    interval: int
    has_exif: bool


@dataclass(frozen=True, slots=True)
class JpegCut:
    """A JPEG of some of the pixels: the first of them is (top, left) of the whole."""

    data: bytes | bytearray
    top: int
    left: int
    height: int
    width: int


def read_layout(data: bytes) -> JpegLayout | None:
    """The layout of a JPEG of one or three channels; None of all others, and of those that end too early."""
    size_at = interval = block_height = block_width = channels = 0
    has_exif = False
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], (data[at + 2] << 8) | data[at + 3]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if at + 2 + length > len(data) or length < 2:
            return None
        if marker in _FRAMES:
            if size_at or marker not in _SEQUENTIAL or length < 11 or data[at + 4] != 8:
                return None
            channels, size_at = data[at + 9], at + 5
            if channels not in (1, 3) or length < 8 + 3 * channels:
                return None
            factors = [data[at + 11 + 3 * channel] for channel in range(channels)]
            # a single channel is coded block by block, whatever its factors
            block_height, block_width = (
                (8 * max(f & 15 for f in factors), 8 * max(f >> 4 for f in factors)) if channels == 3 else (8, 8)
            )
        elif marker == _INTERVAL:
            interval = (data[at + 4] << 8) | data[at + 5]
        elif marker == _EXIF:
            has_exif = has_exif or data.startswith(b"Exif\0\0", at + 4)
        elif marker == _SCAN:
            if not size_at or data[at + 4] != channels:
                return None
            return _layout(data, size_at, (block_height, block_width), at + 2 + length, interval, has_exif)
        at += 2 + length
    return None


def _layout(
    data: bytes, size_at: int, block: tuple[int, int], scan: int, interval: int, has_exif: bool
) -> JpegLayout | None:
    height, width = (int.from_bytes(data[size_at + offset : size_at + offset + 2]) for offset in (0, 2))
    end = data.find(_END, max(scan, len(data) - _TAIL))
    if end < 0:
        end = data.find(_END, scan)
    if end < 0 or not (height and width and block[0] and block[1]):
        return None
    return JpegLayout(height, width, *block, size_at, scan, end, interval, has_exif)


def cut_jpeg(data: bytes, layout: JpegLayout, top: int, left: int, height: int, width: int) -> JpegCut:
    """Cut a rectangle out without decoding it, with some pixels around it.

    Rows below it are always left out. Rows above and columns beside it only where restart markers allow it: all else is
    coded by the difference to what comes before.

    Args:
        data: The file.
        layout: Its layout.
        top: Of the rectangle, in pixels as stored; left, height and width likewise.

    Returns:
        A JPEG whose pixels are, in the rectangle, those of the whole.
    """
    rows, columns = -(-layout.height // layout.block_height), -(-layout.width // layout.block_width)
    first_row = max(0, top - _MARGIN) // layout.block_height
    last_row = min(rows, -(-(top + height + _MARGIN) // layout.block_height))
    if layout.interval and (columns % layout.interval == 0 or layout.interval % columns == 0):
        markers = _markers(data, layout.scan, layout.end)
        if len(markers) == -(-rows * columns // layout.interval) - 1:
            return _cut_intervals(data, layout, markers, (first_row, last_row), (left, left + width))
    bottom = min(layout.height, last_row * layout.block_height)
    if bottom == layout.height:
        return JpegCut(data, 0, 0, layout.height, layout.width)
    head = _with_size(data[: layout.scan], layout, bottom, layout.width)
    return JpegCut(head + data[layout.scan :], 0, 0, bottom, layout.width)


def _cut_intervals(
    data: bytes, layout: JpegLayout, markers: IntArray, rows: tuple[int, int], sides: tuple[int, int]
) -> JpegCut:
    """Join the intervals that have the wanted pixels: parts of rows, or some rows each."""
    columns = -(-layout.width // layout.block_width)
    first_row, last_row = rows
    left, right = 0, layout.width
    if layout.interval % columns == 0:
        each = layout.interval // columns  # rows
        first_row -= first_row % each
        kept = np.arange(first_row // each, -(-last_row // each))[np.newaxis]
    else:
        a_row, pixels = columns // layout.interval, layout.interval * layout.block_width
        first = max(0, sides[0] - _MARGIN) // pixels
        last = min(a_row, -(-(sides[1] + _MARGIN) // pixels))
        left, right = first * pixels, min(layout.width, last * pixels)
        kept = a_row * np.arange(first_row, last_row)[:, np.newaxis] + np.arange(first, last)
    starts, ends = np.append(layout.scan, markers + 2), np.append(markers, layout.end)
    top, bottom = first_row * layout.block_height, min(layout.height, last_row * layout.block_height)
    head = _with_size(data[: layout.scan], layout, bottom - top, right - left)
    runs = zip(starts[kept[:, 0]].tolist(), ends[kept[:, -1]].tolist(), strict=True)
    joined = b"\xff\xd0".join([data[start:end] for start, end in runs])
    cut = bytearray(b"".join((head, joined, _END)))
    joints = layout.scan - 2 + np.cumsum(ends[kept] - starts[kept] + 2)[:-1]
    # markers are numbered by turns
    np.frombuffer(cut, dtype=np.uint8)[joints + 1] = 0xD0 + np.arange(len(joints)) % 8
    return JpegCut(cut, top, left, bottom - top, right - left)


def _with_size(head: bytes, layout: JpegLayout, height: int, width: int) -> bytearray:
    changed = bytearray(head)
    changed[layout.size_at : layout.size_at + 4] = height.to_bytes(2) + width.to_bytes(2)
    return changed


def _markers(data: bytes, start: int, end: int) -> IntArray:
    """Bytes of the restart markers; a byte of 255 among coded pixels is followed by 0."""
    coded = np.frombuffer(data, dtype=np.uint8, count=end - start, offset=start)
    high = np.flatnonzero(coded[:-1] == 0xFF)
    markers: IntArray = start + high[coded[high + 1] > 0].astype(np.int64)
    return markers
