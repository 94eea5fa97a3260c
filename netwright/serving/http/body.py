"""Bodies as they come in: whole or refused, never more of them than there is room for."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from netwright.serving.errors import Refused
from netwright.serving.http.middleware import Gone, Limits, Ticket
from netwright.system.extras import optional

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["MOST_PARTS", "inflate", "parts_of", "read_body"]

_ENCODINGS = ("gzip", "x-gzip", "deflate")
_AT_ONCE = 1 << 18  # bytes unpacked before others have their turn
MOST_PARTS = 1_000  # images of a request
_MOST_HEAD = 16_384  # bytes of a part's head


async def read_body(request: Request, limits: Limits) -> bytes:
    """All of it, counted as it comes, and unpacked where Content-Encoding says so.

    Refused for what is too large or too slow, Gone where the client went.
    """
    ticket: Ticket = request.scope["ticket"]
    body = await _whole(request, limits, ticket)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return body
    parts = []
    for part in inflate(body, encoding, limits.settings.max_body):
        limits.unpack(ticket, len(part), "unpacked bodies")
        parts.append(part)
        await asyncio.sleep(0)  # the others' turn
    return b"".join(parts)


def inflate(data: bytes, encoding: str, most: int) -> Iterator[bytes]:
    """A body as its Content-Encoding has it, gzip or deflate, part by part. Refused beyond `most` bytes."""
    if encoding not in _ENCODINGS:
        raise Refused("malformed", f"a body is gzip, deflate or identity, not {encoding[:40]!r}.")
    machine = zlib.decompressobj(wbits=47)  # both heads, found out by zlib
    size = 0
    try:
        while part := machine.decompress(data, _AT_ONCE):
            size += len(part)
            if size > most:
                raise Refused("too_large", f"a body has at most {most:,} bytes, and this one has more when unpacked.")
            yield part
            data = machine.unconsumed_tail
    except zlib.error as error:
        raise Refused("malformed", f"the body is not {encoding}: {error}.") from error
    if not machine.eof:
        raise Refused("malformed", f"the {encoding} body is cut.")
    if machine.unused_data:
        raise Refused("malformed", f"{len(machine.unused_data):,} bytes follow the end of the {encoding} body.")


async def _whole(request: Request, limits: Limits, ticket: Ticket) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > limits.settings.max_body:
        raise Refused("too_large", f"a request has at most {limits.settings.max_body:,} bytes, and this has {length}.")
    chunks = []
    try:
        async with asyncio.timeout(limits.settings.body_timeout):
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                if chunk := message.get("body", b""):
                    limits.hold(ticket, len(chunk))
                    chunks.append(chunk)
                if not message.get("more_body", False):
                    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
    except TimeoutError:
        seconds = limits.settings.body_timeout
        raise Refused("slow", f"a body is here within {seconds:g} seconds, and this was not.") from None


def parts_of(body: bytes, content_type: str) -> list[tuple[str, bytes]]:
    """(name, content) of the files and fields of multipart/form-data; Refused for what is none."""
    multipart = optional("python_multipart.multipart", "serve")
    kind, options = multipart.parse_options_header(content_type.encode("latin-1"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 256:
        raise Refused("malformed", "several images come as multipart/form-data, with its boundary.")
    parts: list[tuple[str, bytes]] = []
    is_whole = False
    header, value, names, content = bytearray(), bytearray(), dict[bytes, bytes](), bytearray()
    head_size = 0

    def on_head(into: bytearray, data: bytes, start: int, end: int) -> None:
        nonlocal head_size
        head_size += end - start
        if head_size > _MOST_HEAD:  # newer versions of the package have limits of their own
            raise Refused("malformed", f"the head of an image in a form has at most {_MOST_HEAD:,} bytes.")
        into.extend(data[start:end])

    def on_header_end() -> None:
        names[bytes(header).lower()] = bytes(value)
        header.clear()
        value.clear()

    def on_part_end() -> None:
        nonlocal head_size
        head_size = 0
        _, said = multipart.parse_options_header(names.get(b"content-disposition", b""))
        name = said.get(b"filename") or said.get(b"name") or b""
        parts.append((name.decode("utf-8", "replace")[:200], bytes(content)))
        if len(parts) > MOST_PARTS:
            raise Refused("too_large", f"a request has at most {MOST_PARTS:,} images.")
        names.clear()
        content.clear()

    def on_end() -> None:
        nonlocal is_whole
        is_whole = True

    callbacks: dict[str, Any] = {
        "on_header_field": lambda data, start, end: on_head(header, data, start, end),
        "on_header_value": lambda data, start, end: on_head(value, data, start, end),
        "on_header_end": on_header_end,
        "on_part_data": lambda data, start, end: content.extend(data[start:end]),
        "on_part_end": on_part_end,
        "on_end": on_end,
    }
    try:
        parser = multipart.MultipartParser(boundary, callbacks)
        parser.write(body)
        parser.finalize()
    except optional("python_multipart.exceptions", "serve").FormParserError as error:
        raise Refused("malformed", f"the multipart body cannot be read: {error}.") from error
    if not is_whole:
        raise Refused("malformed", "the multipart body is cut: its last boundary is missing.")
    return parts
