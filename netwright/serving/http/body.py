"""Request bodies, read as they arrive: whole or refused, and never more of them in memory than the limits allow."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

from netwright.serving.errors import RequestError
from netwright.serving.http.middleware import ClientDisconnected
from netwright.serving.protocol.packed import decompress

if TYPE_CHECKING:
    from starlette.requests import Request

    from netwright.serving.limits import Limits, RequestContext

__all__ = ["decompress", "read_body"]


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
    unpacked = io.BytesIO()
    for part in decompress(body, encoding, most):
        limits.unpack(context, len(part), "unpacked bodies")
        unpacked.write(part)
        await asyncio.sleep(0)  # other requests have their turn
    return unpacked.getvalue()


async def _receive_all(request: Request, limits: Limits, context: RequestContext, most: int) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > most:
        raise _too_large(limits, most, f", and this has {length}")
    # not a list of parts, which takes the memory twice when they are joined
    received = io.BytesIO()
    async with limits.arrival(context):
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            if chunk := message.get("body", b""):
                if context.body_bytes + len(chunk) > most:
                    raise _too_large(limits, most)
                limits.hold(context, len(chunk))
                received.write(chunk)
            if not message.get("more_body", False):
                break
    return received.getvalue()


def _too_large(limits: Limits, most: int, more: str = "") -> RequestError:
    if most < limits.settings.max_body:
        return RequestError(
            "too_large", f"JSON has at most {most:,} bytes here{more}: send binary data, or raise --max_json."
        )
    return RequestError("too_large", f"a request has at most {most:,} bytes{more}.")
