"""What every HTTP request passes first and last: its id, the token, the limits, the log and the metrics."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netwright.serving.errors import Refused

if TYPE_CHECKING:
    from netwright.serving.logs import Log
    from netwright.serving.metrics import Metrics
    from netwright.serving.settings import ServeSettings

__all__ = ["MISTAKE", "Gate", "Limits", "Ticket", "error_of", "request_id"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# without a token: what probes and people meet first, and that gives nothing away
_OPEN = {"/", "/v2/health/live", "/v2/health/ready"}
MISTAKE = "this is a mistake of the server's; its log says more."
_CLIENT_WENT = 499  # nginx's name for it, in the log only
_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


@dataclass(slots=True)
class Ticket:
    """What is known of a request on its way; doors fill it in, and the log and metrics read it."""

    id: str
    deadline: float
    door: str = "other"
    model: str = ""
    version: int = 0
    images: int = 0
    said: str = ""
    body: int = 0  # bytes that came
    bytes: int = 0  # that came, and what they became


@dataclass(slots=True)
class Limits:
    """What the requests of a process hold together, whichever door they came through."""

    settings: ServeSettings
    requests: int = 0
    bytes: int = 0
    is_stopping: bool = False
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def enter(self) -> None:
        """Refused where too many are in the making."""
        if self.is_stopping:
            raise Refused("unavailable", "the server is stopping.", retry_after=1)
        if self.requests >= self.settings.max_requests:
            raise Refused("busy", f"at most {self.settings.max_requests} requests are answered at once.", retry_after=1)
        self.requests += 1

    def hold(self, ticket: Ticket, size: int) -> None:
        """Count bytes of a body; Refused for one that is too large, and where all together are."""
        if ticket.body + size > self.settings.max_body:
            raise Refused("too_large", f"a request has at most {self.settings.max_body:,} bytes.")
        self._take(ticket, size)
        ticket.body += size

    def unpack(self, ticket: Ticket, size: int, what: str) -> None:
        """Count bytes that a body becomes, before they are there; `what` they are. Refused as in `hold`."""
        if size > self.settings.max_body:
            raise Refused("too_large", f"{what} are at most {self.settings.max_body:,} bytes, and these {size:,}.")
        self._take(ticket, size)

    def leave(self, ticket: Ticket) -> None:
        """Give it all back."""
        self.requests -= 1
        self.bytes -= ticket.bytes

    def _take(self, ticket: Ticket, size: int) -> None:
        # a request that is alone gets in, whatever it becomes: else it would be refused for ever
        if self.bytes > ticket.bytes and self.bytes + size > self.settings.max_bytes:
            raise Refused("busy", "the bodies of all requests together are too large now.", retry_after=1)
        ticket.bytes += size
        self.bytes += size


class Gate:
    """An ASGI application around another. A Ticket goes with each request as scope["ticket"]."""

    def __init__(self, app: App, settings: ServeSettings, limits: Limits, metrics: Metrics, log: Log) -> None:
        self._app, self._settings, self._limits, self._metrics, self._log = app, settings, limits, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        started = time.monotonic()
        ticket = Ticket(request_id(headers.get(b"x-request-id", b"")), started + self._settings.timeout)
        scope["ticket"] = ticket
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", ticket.id.encode())]
            await send(message)

        has_entered = False
        try:
            self._check_token(scope, headers)
            if scope["method"] == "POST":
                self._limits.enter()
                has_entered = True
                self._metrics.in_flight.inc()
            await self._app(scope, receive, answer)
        except Refused as refused:
            if not status:
                ticket.said = str(refused)
                await refuse(refused, scope["path"], answer)
        except Gone:
            status = status or _CLIENT_WENT
        except Exception as error:  # a bug of ours, which the others must not feel
            ticket.said = f"{type(error).__name__}: {error}"
            if not status:
                await _send_json(500, error_of(scope["path"], MISTAKE), [], answer)
        finally:
            if has_entered:
                self._limits.leave(ticket)
                self._metrics.in_flight.dec()
            self._tell(scope, ticket, status or _CLIENT_WENT, time.monotonic() - started)

    def _check_token(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        token = self._settings.token
        if not token or scope["path"] in _OPEN:
            return
        given = headers.get(b"authorization", b"")
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            raise Refused("unauthorized", "this server wants its token: `Authorization: Bearer TOKEN`.")

    def _tell(self, scope: Scope, ticket: Ticket, status: int, seconds: float) -> None:
        self._metrics.requests.labels(ticket.door, ticket.model, str(status)).inc()
        self._metrics.request_seconds.labels(ticket.door).observe(seconds)
        client = scope.get("client") or ("", 0)
        self._log.write(
            "request",
            id=ticket.id,
            method=scope["method"],
            path=scope["path"][:200],
            status=status,
            ms=round(1000 * seconds, 2),
            model=ticket.model,
            version=ticket.version or "",
            images=ticket.images or "",
            client=client[0],
            said=ticket.said[:500],
        )


class Gone(Exception):  # noqa: N818 - what the client did
    """The client went before its request was whole or answered."""


def request_id(given: bytes) -> str:
    """The client's own, where it is fit for a header and a log; else a new one."""
    text = given.decode("latin-1")
    return text if _ID.fullmatch(text) else uuid.uuid4().hex


def error_of(path: str, said: str) -> dict[str, str]:
    """The JSON of an error: MindSpore Serving has another word for it."""
    return {"error_msg" if path.startswith("/model/") else "error": said}


async def refuse(refused: Refused, path: str, send: Send) -> None:
    """Answer with the reason."""
    headers = []
    if refused.retry_after is not None:
        headers.append((b"retry-after", str(refused.retry_after).encode()))
    if refused.reason == "unauthorized":
        headers.append((b"www-authenticate", b"Bearer"))
    await _send_json(refused.status, error_of(path, str(refused)), headers, send)


async def _send_json(status: int, plain: Any, headers: list[tuple[bytes, bytes]], send: Send) -> None:
    body = json.dumps(plain).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
