"""What every request passes, whether it comes by HTTP, gRPC or a Ray handle: id, deadline, token, limits, log, metrics.

The HTTP middleware, the gRPC servicer and the replicas of Ray Serve each call the same four steps of `Admission`:
`begin`, `check_token`, `enter` (for requests that take memory) and `finish`.
"""

from __future__ import annotations

import hmac
import re
import time
import uuid
from typing import TYPE_CHECKING

from netwright.serving.errors import RequestError
from netwright.serving.limits import Limits, RequestContext

if TYPE_CHECKING:
    from netwright.serving.logs import Log
    from netwright.serving.metrics import Metrics
    from netwright.serving.settings import ServeSettings

__all__ = ["Admission", "request_id"]

_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


class Admission:
    """Admits the requests of one process and accounts for them. Its methods are for one event loop.

    Attributes:
        settings: Of the server.
        limits: What the requests hold together.
    """

    def __init__(self, settings: ServeSettings, metrics: Metrics, log: Log) -> None:
        self.settings, self.limits = settings, Limits(settings)
        self._metrics, self._log = metrics, log

    def begin(
        self,
        given_id: str = "",
        *,
        endpoint: str = "other",
        seconds: float | None = None,
        method: str | None = None,
        path: str | None = None,
        client: str | None = None,
    ) -> RequestContext:
        """Start to account for a request; `finish` ends it.

        Args:
            given_id: The id that the client chose, or empty.
            endpoint: As in RequestContext, where it is known already.
            seconds: The client's own time limit, None for none. The server's `timeout` holds too.
            method: For the log, as in RequestContext.
            path: For the log.
            client: For the log.
        """
        started, timeout = time.monotonic(), self.settings.timeout
        left = timeout if seconds is None else min(timeout, max(0.0, seconds))
        return RequestContext(request_id(given_id), started + left, endpoint, method, path, client, started=started)

    def check_token(self, authorization: str) -> None:
        """RequestError where the server has a token and this header is not `Bearer TOKEN` (`bearer` too)."""
        token, (scheme, _, given) = self.settings.token, authorization.partition(" ")
        # in constant time: how long it takes says nothing of the token
        is_same = hmac.compare_digest(given.lstrip(" ").encode("utf-8", "replace"), token.encode())
        if token and not (is_same and scheme.lower() == "bearer"):
            raise RequestError(
                "unauthorized", "this server needs its token: send the header `Authorization: Bearer TOKEN`."
            )

    def enter(self, context: RequestContext) -> None:
        """Admit a request that takes memory. RequestError where there is no room; `finish` releases it."""
        self.limits.enter(context.client)
        context.is_admitted = True
        self._metrics.in_flight.inc()

    def finish(self, context: RequestContext, status: int | str, *, event: str = "request") -> None:
        """Release what a request held, count it, and write its line of the log.

        Args:
            context: Of `begin`.
            status: The status of HTTP, or the name of gRPC's code, which the log calls `code`.
            event: The event's name in the log.
        """
        if context.is_admitted:
            self.limits.leave(context)
            self._metrics.in_flight.dec()
        seconds = time.monotonic() - context.started
        self._metrics.requests.labels(context.endpoint, context.model, str(status)).inc()
        self._metrics.request_seconds.labels(context.endpoint).observe(seconds)
        if context.version:
            version = (context.model, str(context.version))
            self._metrics.model_request_seconds.labels(*version, context.endpoint).observe(seconds)
        self._log.write(
            event,
            id=context.id,
            method=context.method,
            path=context.path and context.path[:200],
            # each name has values of one type, for whatever reads the log
            status=status if isinstance(status, int) else None,
            code=status if isinstance(status, str) else None,
            ms=round(1000 * seconds, 2),
            model=context.model,
            version=context.version or None,
            images=context.images or None,
            client=context.client,
            message=context.detail[:500],
        )


def request_id(given: str) -> str:
    """The client's id where it is fit for a header and a log line, else a new one."""
    return given if _ID.fullmatch(given) else uuid.uuid4().hex
