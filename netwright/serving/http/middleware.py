"""The outermost ASGI middleware: every HTTP request is admitted, answered or refused, and accounted for."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from netwright.serving.errors import INTERNAL_ERROR, RequestError
from netwright.serving.http.origin import Origins, check_host, must_check_host
from netwright.serving.turns import RequestTurns

if TYPE_CHECKING:
    from netwright.serving.admission import Admission

__all__ = [
    "CLIENT_CLOSED_REQUEST",
    "AdmissionMiddleware",
    "App",
    "ClientDisconnected",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "error_body",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# these need no token: probes and people ask for them first, and they tell nothing
_PUBLIC_PATHS = {"/", "/v2/health/live", "/v2/health/ready"}
CLIENT_CLOSED_REQUEST = 499  # nginx's status for it; only the log and the metrics see it


class ClientDisconnected(Exception):  # noqa: N818 - no mistake of anyone
    """The client closed its connection before its request was complete or answered."""


class AdmissionMiddleware:
    """An ASGI application around another. Puts the RequestContext of a request into `scope["context"]`.

    Args:
        app: The application that answers.
        admission: Of this process.
        is_behind: Whether something else listens, as Ray Serve does, so that the clients' name for it is not ours.
    """

    def __init__(self, app: App, admission: Admission, *, is_behind: bool = False) -> None:
        self._app, self._admission = app, admission
        self._origins, self._turns = Origins(admission.settings.cors), RequestTurns()
        self._checks_host = not is_behind and must_check_host(admission.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, admission = dict(scope["headers"]), self._admission
        context = admission.begin(
            headers.get(b"x-request-id", b"").decode("latin-1"),
            method=scope["method"],
            path=scope["path"],
            client=(scope.get("client") or ("", 0))[0],
        )
        scope["context"] = context
        status, allowed = 0, self._origins.headers(headers)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *allowed, (b"x-request-id", context.id.encode())]
            await send(message)

        try:
            await self._turns.take(context.client or "")
            if self._checks_host:
                check_host(headers.get(b"host", b"").decode("latin-1"), admission.settings.host_names)
            if preflight := self._origins.preflight(scope["method"], headers):
                allowed = preflight
                await send_with_id({"type": "http.response.start", "status": 204, "headers": []})
                await send_with_id({"type": "http.response.body", "body": b""})
                return
            if scope["path"] not in _PUBLIC_PATHS:
                admission.check_token(headers.get(b"authorization", b"").decode("latin-1"))
            if scope["method"] == "POST":
                admission.enter(context)
            await self._app(scope, receive, send_with_id)
        except RequestError as error:
            if not status:
                context.detail = str(error)
                await _send_refusal(error, scope["path"], send_with_id)
        except ClientDisconnected:
            status = status or CLIENT_CLOSED_REQUEST
        except Exception as error:  # a bug of ours, which other requests must not suffer from
            context.detail = f"{type(error).__name__}: {error}"
            if not status:
                await _send_json(500, error_body(scope["path"], INTERNAL_ERROR), [], send_with_id)
        finally:
            admission.finish(context, status or CLIENT_CLOSED_REQUEST)


def error_body(path: str, message: str) -> dict[str, str]:
    """The JSON of an error, as a dict; MindSpore Serving, under /model/, has another key for it."""
    return {"error_msg" if path.startswith("/model/") else "error": message}


async def _send_refusal(error: RequestError, path: str, send: Send) -> None:
    headers = []
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    if error.reason == "unauthorized":
        headers.append((b"www-authenticate", b"Bearer"))
    await _send_json(error.status, error_body(path, str(error)), headers, send)


async def _send_json(status: int, content: Any, headers: list[tuple[bytes, bytes]], send: Send) -> None:
    body = json.dumps(content).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
