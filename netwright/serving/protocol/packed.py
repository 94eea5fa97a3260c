"""Packed bodies, unpacked chunk by chunk, so that a small one does not become a huge one unseen."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from netwright.serving.errors import RequestError

__all__ = ["decompress"]

_ENCODINGS = ("gzip", "x-gzip", "deflate")
_CHUNK_BYTES = 1 << 18  # unpacked before other requests have their turn
_PART_BYTES = 1 << 16  # packed, given to the unpacker at a time: it copies what it leaves of them


def decompress(data: bytes, encoding: str, most: int) -> Iterator[bytes]:
    """Unpack a body, chunk by chunk.

    Args:
        data: The packed body.
        encoding: Its Content-Encoding: gzip or deflate.
        most: Bytes that it may have unpacked.

    Raises:
        RequestError: Where it has more, or is damaged.
    """
    if encoding not in _ENCODINGS:
        raise RequestError("malformed", f"the encoding of a body is gzip, deflate or identity, not {encoding[:40]!r}.")
    unpacker = zlib.decompressobj(wbits=47)  # zlib tells the two apart
    size = 0
    try:
        for start in range(0, len(data), _PART_BYTES):
            packed = data[start : start + _PART_BYTES]
            while not unpacker.eof and (part := unpacker.decompress(packed, _CHUNK_BYTES)):
                size += len(part)
                if size > most:
                    raise RequestError("too_large", f"a body has at most {most:,} bytes, and this one unpacks to more.")
                yield part
                packed = unpacker.unconsumed_tail
            if unpacker.eof:
                break
    except zlib.error as error:
        raise RequestError("malformed", f"the body is not {encoding}: {error}.") from error
    if not unpacker.eof:
        raise RequestError("malformed", f"the {encoding} body is cut off.")
    if behind := max(0, len(data) - start - _PART_BYTES) + len(unpacker.unused_data):
        raise RequestError("malformed", f"{behind:,} bytes follow the end of the {encoding} body.")
