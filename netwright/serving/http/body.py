"""Request bodies, read as they arrive: whole or refused, and never more of them in memory than the limits allow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from netwright.serving.errors import RequestError
from netwright.serving.http.middleware import ClientDisconnected
from netwright.serving.protocol.packed import decompress
from netwright.system.extras import optional

if TYPE_CHECKING:
    from starlette.requests import Request

    from netwright.serving.admission import Limits, RequestContext

__all__ = ["MOST_PARTS", "decompress", "parts_of", "read_body"]

MOST_PARTS = 1_000  # images of a request
_MOST_HEAD_BYTES = 16_384  # of one part of a form


async def read_body(request: Request, limits: Limits, *, is_json: bool = False) -> bytes:
    """The whole body of a request, counted as it arrives, and unpacked where it has a Content-Encoding.

    Args:
        request: With its RequestContext in the scope.
        limits: What the bytes count against.
        is_json: Whether all of it is JSON, which has a limit of its own.

    Raises:
        RequestError: Where it is too large or too slow.
        ClientDisconnected: Where the client closed the connection.
    """
    context: RequestContext = request.scope["context"]
    settings = limits.settings
    most = min(settings.max_body, settings.max_json) if is_json else settings.max_body
    body = await _receive_all(request, limits, context, most)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return body
    parts = []
    for part in decompress(body, encoding, most):
        limits.unpack(context, len(part), "unpacked bodies")
        parts.append(part)
        await asyncio.sleep(0)  # other requests have their turn
    return b"".join(parts)


async def _receive_all(request: Request, limits: Limits, context: RequestContext, most: int) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > most:
        raise _too_large(limits, most, f", and this has {length}")
    chunks = []
    async with limits.arrival(context):
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            if chunk := message.get("body", b""):
                if context.body_bytes + len(chunk) > most:
                    raise _too_large(limits, most)
                limits.hold(context, len(chunk))
                chunks.append(chunk)
            if not message.get("more_body", False):
                break
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limits: Limits, most: int, more: str = "") -> RequestError:
    if most < limits.settings.max_body:
        return RequestError(
            "too_large", f"JSON has at most {most:,} bytes here{more}: send binary data, or raise --max_json."
        )
    return RequestError("too_large", f"a request has at most {most:,} bytes{more}.")


def parts_of(body: bytes, content_type: str) -> list[tuple[str, bytes]]:
    """The files and fields of a form.

    Args:
        body: multipart/form-data.
        content_type: The header, which has the boundary.

    Returns:
        (name, content) of each part.

    Raises:
        RequestError: Where it is no such form, or has too many parts.
    """
    multipart = optional("python_multipart.multipart", "serve")
    kind, options = multipart.parse_options_header(content_type.encode("latin-1"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 256:
        raise RequestError("malformed", "several images are sent as multipart/form-data, with its boundary.")
    form = _FormParts(multipart)
    try:
        parser = multipart.MultipartParser(boundary, form.callbacks())
        parser.write(body)
        parser.finalize()
    except optional("python_multipart.exceptions", "serve").FormParserError as error:
        raise RequestError("malformed", f"the multipart body cannot be read: {error}.") from error
    if not form.is_complete:
        raise RequestError("malformed", "the multipart body is cut off: its last boundary is missing.")
    return form.parts


class _FormParts:
    """Collects the parts of a form from the callbacks of python_multipart."""

    def __init__(self, multipart: Any) -> None:
        self.parts: list[tuple[str, bytes]] = []
        self.is_complete = False
        self._multipart = multipart
        self._header, self._value, self._content = bytearray(), bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._head_size = 0

    def callbacks(self) -> dict[str, Any]:
        """By the names of python_multipart."""
        return {
            "on_header_field": lambda data, start, end: self._add_to_head(self._header, data, start, end),
            "on_header_value": lambda data, start, end: self._add_to_head(self._value, data, start, end),
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _add_to_head(self, to: bytearray, data: bytes, start: int, end: int) -> None:
        self._head_size += end - start
        if self._head_size > _MOST_HEAD_BYTES:  # newer versions of the package have limits of their own
            raise RequestError("malformed", f"the head of an image in a form has at most {_MOST_HEAD_BYTES:,} bytes.")
        to.extend(data[start:end])

    def _end_header(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _end_part(self) -> None:
        _, options = self._multipart.parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"filename") or options.get(b"name") or b""
        self.parts.append((name.decode("utf-8", "replace")[:200], bytes(self._content)))
        if len(self.parts) > MOST_PARTS:
            raise RequestError("too_large", f"a request has at most {MOST_PARTS:,} images.")
        self._head_size = 0
        self._headers.clear()
        self._content.clear()

    def _end(self) -> None:
        self.is_complete = True
