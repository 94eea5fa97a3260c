"""What stands before every request: who may ask, from which page, by which name, and how much may be sent.

A page that listens on this machine is within reach of every page that its user visits. So a request is answered only
where it names this machine (DNS rebinding), and anything that changes something only where our own page sends it
(forged requests): browsers tell where a request comes from, and send our own header across sites only with a permission
that is never given.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode

from netwright.serving.errors import RequestError
from netwright.serving.http.origin import check_host
from netwright.serving.settings import is_loopback
from netwright.studio.errors import StudioError
from netwright.studio.settings import StudioSettings

__all__ = ["OWN_HEADER", "Protection"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OWN_HEADER = "x-netwright-studio"  # our page sends it with whatever changes something
_MOST_BYTES = 64 << 20  # of a file that is dropped onto the page
_MOST_JSON = 1 << 20
_FILES = "/api/files"
_SAFE = ("GET", "HEAD")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Protection:
    """An ASGI application around another."""

    def __init__(self, app: App, settings: StudioSettings, port: int = 0) -> None:
        """port: of this studio, so that two on one machine have cookies of their own."""
        self._app, self._settings = app, settings
        self._cookie = f"netwright_studio_{port}"
        self._checks_host = is_loopback(settings.host) and not settings.token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        try:
            if self._checks_host:
                check_host(headers.get("host", ""), self._settings.host_names)
            if entry := self._entry(scope):
                await _respond(303, b"", entry, send_protected)
                return
            self._check_token(headers)
            _check_origin(scope, headers)
            await self._app(scope, _limited(scope, headers, receive), send_protected)
        except (StudioError, RequestError) as error:
            body = json.dumps({"error": str(error)}).encode()
            await _respond(error.status, body, [(b"content-type", b"application/json")], send_protected)

    def _entry(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """The headers that keep the token of an address with `?token=` in a cookie, and lead to the one without it."""
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        given = query.pop("token", [""])[0]
        if not self._settings.token or not given or scope["method"] != "GET":
            return []
        if not _same(given, self._settings.token):
            raise StudioError(401, "this is not the token of this studio. Its address stands where it was started.")
        rest = urlencode(query, doseq=True)
        cookie = f"{self._cookie}={given}; Path=/; HttpOnly; SameSite=Strict"
        # one slash: an address that starts with two would lead to another server
        place = "/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else "")
        return [(b"location", place.encode()), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]

    def _check_token(self, headers: Mapping[str, str]) -> None:
        token = self._settings.token
        if not token:
            return
        try:
            kept = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            kept = None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if kept is not None and _same(kept.value, token):
            return
        if scheme.lower() == "bearer" and _same(given.strip(), token):
            return
        raise StudioError(
            401, "this studio needs its token: open the address that was printed where it was started (?token=...)."
        )


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def _check_origin(scope: Scope, headers: Mapping[str, str]) -> None:
    """StudioError where another page asks for data, or for a change."""
    site, origin, host = headers.get("sec-fetch-site", ""), headers.get("origin", ""), headers.get("host", "")
    is_foreign = site in ("cross-site", "same-site") or (origin and origin.partition("://")[2] != host)
    if is_foreign and (scope["path"].startswith("/api/") or scope["method"] not in _SAFE):
        raise StudioError(403, "another page asked for this. Only the studio's own page may.")
    if scope["method"] not in _SAFE and OWN_HEADER not in headers:
        raise StudioError(
            403, f"what changes something is sent by the studio's own page, with the header {OWN_HEADER}."
        )


def _limited(scope: Scope, headers: Mapping[str, str], receive: Receive) -> Receive:
    """The body, of a limited size."""
    most = _MOST_BYTES if scope["path"] == _FILES else _MOST_JSON
    too_large = StudioError(
        413, f"a request has at most {most:,} bytes. Name larger files where the studio is started."
    )
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise too_large
        return message

    return counted


async def _respond(status: int, body: bytes, headers: list[tuple[bytes, bytes]], send: Send) -> None:
    size = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, size]})
    await send({"type": "http.response.body", "body": body})
