"""What the hostile clients of `serve_faults.py` send."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from functools import cache

from PIL import Image

__all__ = [
    "BATCH_HEAD",
    "BOUNDARY",
    "HEAD",
    "batch",
    "damaged_fax",
    "empty_lists",
    "form",
    "image",
    "instances",
    "numbers",
    "packed",
    "sliver",
    "useless_keys",
]

BOUNDARY = "xyz"
HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
_BATCH = (32 << 20) // (224 * 224 * 3) - 1  # images that fit into a body
_BATCH_JSON = json.dumps(
    {
        "inputs": [
            {
                "name": "pixels",
                "datatype": "UINT8",
                "shape": [_BATCH, 224, 224, 3],
                "parameters": {"binary_data_size": _BATCH * 224 * 224 * 3},
            }
        ]
    }
).encode()
BATCH_HEAD = str(len(_BATCH_JSON))


@cache
def sliver(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel, all black: a few kilobytes, however large."""
    row = zlib.compressobj()
    data = b"".join(row.compress(bytes(1 + (width + 7) // 8)) for _ in range(height)) + row.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


@cache
def image(kind: str, size: int, mode: str = "RGB", **options: bool) -> bytes:
    """A black image, as small as its format makes it."""
    file = io.BytesIO()
    Image.new(mode, (size, size)).save(file, kind, **({"lossless": True} if kind == "WEBP" else options))
    return file.getvalue()


@cache
def damaged_fax() -> bytes:
    """A TIFF at which libtiff complains of every line."""
    file = io.BytesIO()
    Image.new("1", (2000, 2000)).save(file, "TIFF", compression="group3")
    data = bytearray(file.getvalue())
    data[200:2000] = bytes(range(1, 226)) * 8
    return bytes(data)


@cache
def form(make: Callable[[], bytes], count: int) -> bytes:
    """A form with an image so many times."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'.encode() + make()
    return (part + b"\r\n") * count + f"--{BOUNDARY}--\r\n".encode()


@cache
def numbers(size: int) -> bytes:
    """A JSON request of about so many bytes, of a network of 224 pixels: all of them are numbers."""
    images = max(1, size // (224 * 224 * 3 * 4))
    count = max(1, min(images * 224 * 224 * 3, size // 4))
    tensor = {"name": "pixels", "datatype": "UINT8", "shape": [images, 224, 224, 3], "data": "@"}
    return json.dumps({"inputs": [tensor]}).encode().replace(b'"@"', b"[" + b"127," * (count - 1) + b"127]")


@cache
def useless_keys(size: int) -> bytes:
    """A JSON object of keys that mean nothing."""
    return b"{" + b",".join(b'"%07d":0' % each for each in range(size // 12)) + b"}"


@cache
def empty_lists(size: int) -> bytes:
    """A JSON list of empty lists, each of which becomes an object."""
    return b'{"inputs":[' + b"[]," * (size // 3) + b"[]]}"


@cache
def instances(size: int) -> bytes:
    """A JSON request of KServe's version 1."""
    row = b"[" + b"[0,0,0]," * 223 + b"[0,0,0]]"
    whole = b"[" + (row + b",") * 223 + row + b"]"
    return b'{"instances":[' + (whole + b",") * (size // len(whole) - 1) + whole + b"]}"


@cache
def batch() -> bytes:
    """A request of as many images as a body may have."""
    return _BATCH_JSON + bytes(_BATCH * 224 * 224 * 3)


@cache
def packed() -> bytes:
    """64 MiB of zeros, deflated."""
    return zlib.compress(bytes(64 << 20))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
