"""Files of 16 bits and of many bands, written from their standards: Pillow writes neither."""

import struct
import zlib

import numpy as np


def png(values, bits=None, kinds=None):
    """A PNG of 16 bits, written from the standard. bits: what its sBIT says; kinds: the filter of each row."""
    height, width, channels = values.shape
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    said = b"" if bits is None else _png_chunk(b"sBIT", bytes([bits] * channels))
    body = zlib.compress(_filtered(values, [0] * height if kinds is None else kinds), 1)
    half = len(body) // 2
    parts = _png_chunk(b"IDAT", body[:half]) + _png_chunk(b"IDAT", body[half:])
    return b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header) + said + parts + _png_chunk(b"IEND", b"")


def _png_chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _filtered(values, kinds):
    height, width, channels = values.shape
    size = 2 * channels
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8).reshape(height, width, size).astype(int)
    padded = np.pad(rows, ((1, 0), (1, 0), (0, 0)))
    left, above, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    estimate = left + above - corner
    distances = np.stack([np.abs(estimate - each) for each in (left, above, corner)])
    paeth = np.choose(
        distances.argmin(axis=0), [left, above, corner]
    )  # the first of equal ones, as the standard has it
    guesses = [np.zeros_like(rows), left, above, (left + above) // 2, paeth]
    return b"".join(
        bytes([kind]) + ((rows[y] - guesses[kind][y]) % 256).astype(np.uint8).tobytes() for y, kind in enumerate(kinds)
    )


def tiff(values, order="<", *, deflate=False, predictor=1, planar=1, rows=None, tile=None, colors=False, more=()):
    """A TIFF of (H, W, C) values, written from the standard; more: tags (number, type, values)."""
    height, width, channels = values.shape
    kind = values.dtype.newbyteorder(order)
    planes = [values[..., c : c + 1] for c in range(channels)] if planar == 2 else [values]
    chunks = [
        _chunk(part, kind, predictor)
        for plane in planes
        for part in (_tiles(plane, tile) if tile else _strips(plane, rows or height))
    ]
    if deflate:
        chunks = [zlib.compress(chunk) for chunk in chunks]
    offsets = np.cumsum([8, *(len(chunk) + len(chunk) % 2 for chunk in chunks)]).tolist()
    body = b"".join(chunk + b"\0" * (len(chunk) % 2) for chunk in chunks)
    sizes = [len(chunk) for chunk in chunks]
    form = {"u": 1, "i": 2, "f": 3}[kind.kind]
    tags = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [8 * kind.itemsize] * channels),
        (259, 3, [8 if deflate else 1]),
    ]
    tags += [
        (262, 3, [2 if colors else 1]),
        (277, 3, [channels]),
        (284, 3, [planar]),
        (317, 3, [predictor]),
        (339, 3, [form] * channels),
    ]
    extra = channels - (3 if colors else 1)
    if extra:
        tags.append((338, 3, [0] * extra))
    if tile:
        tags += [(322, 4, [tile]), (323, 4, [tile]), (324, 4, offsets[:-1]), (325, 4, sizes)]
    else:
        tags += [(273, 4, offsets[:-1]), (278, 4, [rows or height]), (279, 4, sizes)]
    return _file(body, sorted([*tags, *more]), order)


def _strips(plane, rows):
    return [plane[top : top + rows] for top in range(0, len(plane), rows)]


def _tiles(plane, side):
    height, width, channels = plane.shape
    padded = np.zeros((-(-height // side) * side, -(-width // side) * side, channels), plane.dtype)
    padded[:height, :width] = plane
    return [
        padded[top : top + side, left : left + side]
        for top in range(0, len(padded), side)
        for left in range(0, padded.shape[1], side)
    ]


def _chunk(part, kind, predictor):
    if predictor == 2:
        whole = part.view(f"u{part.itemsize}")
        part = np.diff(whole, axis=1, prepend=np.zeros_like(whole[:, :1])).view(part.dtype)
    if predictor == 3:
        rows, _, channels = part.shape
        data = part.astype(">f4").reshape(rows, -1).view(np.uint8).reshape(rows, -1, 4).swapaxes(1, 2)
        flat = data.reshape(rows, -1, channels)
        return np.diff(flat, axis=1, prepend=np.zeros_like(flat[:, :1])).astype(np.uint8).tobytes()
    return part.astype(kind).tobytes()


def _file(body, tags, order):
    start = 8 + len(body)
    behind, directory, tail = start + 2 + 12 * len(tags) + 4, struct.pack(f"{order}H", len(tags)), b""
    for number, kind, values in tags:
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        value = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(f"{order}I", behind + len(tail))
        tail += b"" if len(packed) <= 4 else packed
        directory += struct.pack(f"{order}HHI", number, kind, len(values)) + value
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)
    return head + body + directory + bytes(4) + tail
