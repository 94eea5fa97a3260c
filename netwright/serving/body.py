"""Bodies as they come in: whole or refused, never more of them than there is room for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from netwright.serving.extras import extra
from netwright.serving.gate import Gone, Limits, Ticket
from netwright.serving.refusal import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["parts_of", "read_body"]

_MOST_PARTS = 1_000


async def read_body(request: Request, limits: Limits) -> bytes:
    """All of it, counted as it comes. Refused for what is too large or too slow, Gone where the client went."""
    ticket: Ticket = request.scope["ticket"]
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
    multipart = extra("python_multipart.multipart")
    kind, options = multipart.parse_options_header(content_type.encode("latin-1"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 256:
        raise Refused("malformed", "several images come as multipart/form-data, with its boundary.")
    parts: list[tuple[str, bytes]] = []
    is_whole = False
    header, value, names, content = bytearray(), bytearray(), dict[bytes, bytes](), bytearray()

    def on_header_end() -> None:
        names[bytes(header).lower()] = bytes(value)
        header.clear()
        value.clear()

    def on_part_end() -> None:
        _, said = multipart.parse_options_header(names.get(b"content-disposition", b""))
        name = said.get(b"filename") or said.get(b"name") or b""
        parts.append((name.decode("utf-8", "replace")[:200], bytes(content)))
        if len(parts) > _MOST_PARTS:
            raise Refused("too_large", f"a request has at most {_MOST_PARTS:,} images.")
        names.clear()
        content.clear()

    def on_end() -> None:
        nonlocal is_whole
        is_whole = True

    callbacks: dict[str, Any] = {
        "on_header_field": lambda data, start, end: header.extend(data[start:end]),
        "on_header_value": lambda data, start, end: value.extend(data[start:end]),
        "on_header_end": on_header_end,
        "on_part_data": lambda data, start, end: content.extend(data[start:end]),
        "on_part_end": on_part_end,
        "on_end": on_end,
    }
    try:
        parser = multipart.MultipartParser(boundary, callbacks)
        parser.write(body)
        parser.finalize()
    except extra("python_multipart.exceptions").FormParserError as error:
        raise Refused("malformed", f"the multipart body cannot be read: {error}.") from error
    if not is_whole:
        raise Refused("malformed", "the multipart body is cut: its last boundary is missing.")
    return parts
