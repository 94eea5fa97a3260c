"""Read the samples of a TIFF that has more channels or bits than Pillow reads: multispectral images, 16-bit colors.

libtiff still does the unpacking, through Pillow: a directory is appended to the file that calls the same strips or
tiles gray bytes, as many a row as all samples of a row have. Their differencing (predictor), order and type are undone
here.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from netwright.data.depth import WHITE, WHITE_16, Samples
from netwright.data.libtiff import silence_libtiff
from netwright.data.source import Pixels
from netwright.errors import DataError

__all__ = ["MOST_BYTES", "TIFF", "TiffHeader", "read_samples", "read_tiff_header"]

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: BigTIFF
MOST_BYTES = 178_956_970  # of all samples; Pillow refuses more pixels as a decompression bomb

# those that compress bytes, whatever they mean: none, LZW, Deflate, PackBits, LZMA, Zstandard
_COMPRESSIONS = frozenset({1, 5, 8, 32946, 32773, 34925, 50000})
_KINDS = {1: "u", 2: "i", 3: "f"}
_SHORT, _LONG = 3, 4
_NOT_DIFFERENCED = (1, 32773)  # libtiff, which writes such tags all the same, ignores them


@dataclass(frozen=True, slots=True)
class TiffHeader:
    """What a TIFF says of its first image.

    Attributes:
        channels: Samples a pixel.
        bits: Of a sample.
        white: The value that it declares as white, if it does.
        tags: All tags by number.
        order: < or >, of its bytes.
    """

    height: int
    width: int
    channels: int
    bits: int
    white: float | None
    tags: dict[int, Any]
    order: str


def read_tiff_header(data: bytes) -> TiffHeader:
    """The tags of the first image. DataError where they cannot be read."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    silence_libtiff()
    try:
        directory = ImageFileDirectory_v2(data[: 16 if data[2:4] in (b"+\0", b"\0+") else 8])
        file = io.BytesIO(data)
        file.seek(directory.next)
        directory.load(file)
        tags = dict(directory)
        bits = tags.get(258, (1,))
        width, height, channels = int(tags[256]), int(tags[257]), int(tags.get(277, 1))
    except Exception as error:  # damaged tags raise nearly anything
        raise DataError(f"the tags of this TIFF cannot be read: {type(error).__name__}") from error
    depth = int(bits[0] if isinstance(bits, tuple) else bits)
    order = "<" if data[:2] == b"II" else ">"
    return TiffHeader(height, width, channels, depth, _declared(depth, tags), tags, order)


def _declared(bits: int, tags: dict[int, Any]) -> float | None:
    """9 to 15 bits are what they say. 16 may hold fewer, and then MaxSampleValue counts where it ends some bits."""
    if 8 < bits < 16:
        return float((1 << bits) - 1)
    found = tags.get(281)
    largest = max(found) if isinstance(found, tuple) and found else found
    if isinstance(largest, int) and bits == 16 and WHITE < largest < WHITE_16 and not largest & (largest + 1):
        return float(largest)
    return None


def read_samples(data: bytes) -> Samples:
    """(H, W, C) samples of the first image, unsigned, signed or floating-point.

    Raises:
        DataError: It is damaged, or of a kind that cannot be read.
    """
    header = read_tiff_header(data)
    tags = header.tags
    kind = tags.get(339, (1,))
    kind = _KINDS.get(int(kind[0] if isinstance(kind, tuple) else kind))
    sizes = (32, 64) if kind == "f" else (8, 16, 32)
    bits = tags.get(258, (1,))
    if kind is None or header.bits not in sizes or (isinstance(bits, tuple) and len(set(bits)) > 1):
        raise DataError(
            f"the samples of a TIFF of several channels have 8, 16 or 32 bits, or floating point, and here they have "
            f"{bits}. Convert it"
        )
    if int(tags.get(259, 1)) not in _COMPRESSIONS:
        raise DataError(
            "a TIFF of several channels is compressed by LZW, Deflate or Zstandard, or not at all. Convert it"
        )
    kind_of = np.dtype(f"{header.order}{kind}{header.bits // 8}")
    if header.height * header.width * header.channels * kind_of.itemsize > MOST_BYTES:
        raise DataError(f"the samples of a TIFF have at most {MOST_BYTES:,} bytes, and here there are more. Cut it up")
    planes = header.channels if int(tags.get(284, 1)) == 2 else 1
    each = [_plane(data, header, kind_of, plane, planes) for plane in range(planes)]
    return each[0] if planes == 1 else np.concatenate(each, axis=2)


def _plane(data: bytes, header: TiffHeader, kind: np.dtype[Any], plane: int, planes: int) -> Samples:
    """(H, W, C), or (H, W, 1) of one of several planes."""
    tags, channels = header.tags, header.channels if planes == 1 else 1
    is_tiled = 324 in tags
    offsets, counts = (tags[number] for number in (324, 325)) if is_tiled else (tags[number] for number in (273, 279))
    offsets, counts = ([int(each) for each in _tuple(found)] for found in (offsets, counts))
    share = len(offsets) // planes
    part = slice(plane * share, (plane + 1) * share)
    step = int(tags[322]) if is_tiled else header.width  # pixels of a row that are stored together
    across = -(-header.width // step)
    size = channels * kind.itemsize
    rows = _bytes(data, header, across * step * size, step * size if is_tiled else 0, offsets[part], counts[part])
    predictor = 1 if int(tags.get(259, 1)) in _NOT_DIFFERENCED else int(tags.get(317, 1))
    samples = _undifferenced(rows.reshape(header.height, across, step * size), predictor, channels, kind)
    return samples.reshape(header.height, across * step, channels)[:, : header.width]


def _bytes(data: bytes, header: TiffHeader, width: int, tile: int, offsets: list[int], counts: list[int]) -> Pixels:
    """(H, width) unpacked bytes. tile: bytes of a tile's row, 0 for strips."""
    from PIL import Image

    tags = header.tags
    entries = [(256, _LONG, [width]), (257, _LONG, [header.height]), (258, _SHORT, [8])]
    entries += [(259, _SHORT, [int(tags.get(259, 1))]), (262, _SHORT, [1]), (277, _SHORT, [1])]
    if tile:
        entries += [(322, _LONG, [tile]), (323, _LONG, [int(tags[323])]), (324, _LONG, offsets), (325, _LONG, counts)]
    else:
        rows = min(int(tags.get(278, header.height)), header.height)
        entries += [(273, _LONG, offsets), (278, _LONG, [rows]), (279, _LONG, counts)]
    padded = data + bytes(len(data) % 2)
    start = b"II*\0" if header.order == "<" else b"MM\0*"
    file = start + struct.pack(f"{header.order}I", len(padded)) + padded[8:]
    with Image.open(
        io.BytesIO(file + _directory(sorted(entries), header.order, len(padded))), formats=("TIFF",)
    ) as image:
        unpacked: Pixels = np.asarray(image)
    return unpacked


def _directory(entries: list[tuple[int, int, list[int]]], order: str, at: int) -> bytes:
    """A directory of tags (number, type, values) that stands at a place of the file, with its longer values behind."""
    behind = at + 2 + 12 * len(entries) + 4
    head, tail = struct.pack(f"{order}H", len(entries)), b""
    for number, kind, values in entries:
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == _SHORT else 'I'}", *values)
        head += struct.pack(f"{order}HHI", number, kind, len(values))
        if len(packed) <= 4:
            head += packed.ljust(4, b"\0")
        else:
            head += struct.pack(f"{order}I", behind + len(tail))
            tail += packed
    return head + bytes(4) + tail


def _undifferenced(rows: Pixels, predictor: int, channels: int, kind: np.dtype[Any]) -> Samples:
    """(H, tiles, bytes of a tile's row) -> (H, tiles, samples of it). Predictors: TIFF 6.0 section 14, TIFF TN3."""
    height, across, length = rows.shape
    if predictor == 3:  # of floating point: differences of bytes, all first bytes of a row before all second ones
        sums = np.cumsum(rows.reshape(height, across, -1, channels), axis=2, dtype=np.uint8)
        planes = sums.reshape(height, across, kind.itemsize, length // kind.itemsize)
        return np.ascontiguousarray(planes.swapaxes(2, 3)).view(kind.newbyteorder(">"))[..., 0]
    samples = np.ascontiguousarray(rows).view(kind)
    if predictor == 2:  # of whole numbers, those that floats are stored as too
        whole = np.dtype(f"{kind.str[0]}u{kind.itemsize}")
        pixels = samples.view(whole).reshape(height, across, -1, channels)
        sums = np.cumsum(pixels, axis=2, dtype=whole.newbyteorder("="))
        samples = sums.view(kind.newbyteorder("=")).reshape(height, across, -1)
    return samples


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
