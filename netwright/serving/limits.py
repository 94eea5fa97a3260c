"""What the requests of a process hold together, and which of them makes room where there is none."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netwright.serving.errors import RequestError

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings

__all__ = ["Limits", "RequestContext"]

# in which a body arrives undisturbed, even while others need its place, or its bytes
_PLACE_SECONDS, _BYTES_SECONDS = 0.05, 0.25


@dataclass(slots=True, eq=False)
class RequestContext:
    """What is known of a request on its way. Handlers fill it in; the log and the metrics read it.

    Attributes:
        id: The client's own id, or a new one.
        deadline: When its time runs out, on the clock of time.monotonic().
        endpoint: What answers it, as a label of the metrics: predict, infer, index, grpc, ...
        method: HTTP's, or "grpc"; None leaves it out of the log, as with `path` and `client`.
        path: The address of HTTP, or the method of gRPC.
        client: The client's network address.
        model: Name of the model that answers.
        version: Its version; 0 before it is known.
        images: How many images it brings.
        detail: Why it was refused, or what failed.
        body_bytes: Bytes received.
        held_bytes: Bytes received, and those they were unpacked or decoded to.
        is_admitted: Whether it counts against the limits.
        is_displaced: Whether it lost its room to others while its body arrived.
        started: On the clock of time.monotonic().
    """

    id: str
    deadline: float
    endpoint: str = "other"
    method: str | None = None
    path: str | None = None
    client: str | None = None
    model: str = ""
    version: int = 0
    images: int = 0
    detail: str = ""
    body_bytes: int = 0
    held_bytes: int = 0
    is_admitted: bool = False
    is_displaced: bool = False
    started: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Limits:
    """What all requests of a process hold together: how many they are, and their bytes.

    A client decides how fast it sends. So where there is no room, a body that still arrives makes it: of requests one
    of the client that has most of them, of bytes the one with the most. Otherwise whoever sends slowly enough would
    keep all others out.
    """

    settings: ServeSettings
    requests: int = 0
    bytes: int = 0
    taken: int = 0  # bytes since the start
    is_stopping: bool = False
    # context of a body that arrives -> (since when, what ends it)
    _arriving: dict[RequestContext, tuple[float, Callable[[], None]]] = field(default_factory=dict)

    def enter(self, client: str | None = None) -> None:
        """Count a request of a client address. RequestError where the server stops or answers too many already."""
        if self.is_stopping:
            raise RequestError("unavailable", "the server is stopping.", retry_after=1)
        if self.requests >= self.settings.max_requests:
            self._displace(self._who_makes_room(client))
        if self.requests >= self.settings.max_requests:
            raise RequestError(
                "busy", f"the server answers at most {self.settings.max_requests} requests at once.", retry_after=1
            )
        self.requests += 1

    @contextlib.asynccontextmanager
    async def arrival(self, context: RequestContext, seconds: float | None = None) -> AsyncIterator[None]:
        """Wait for a body inside this.

        Args:
            context: Of the request.
            seconds: That it may take; None for the server's `body_timeout`.

        Raises:
            RequestError: Where it takes longer, or others need its room.
        """
        seconds, loop = self.settings.body_timeout if seconds is None else seconds, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds) as timer:
                self.begin_arrival(context, lambda: timer.reschedule(loop.time()))
                try:
                    yield
                finally:
                    self.end_arrival(context)
        except TimeoutError:
            if not context.is_displaced:
                raise RequestError(
                    "slow", f"a body must arrive within {seconds:g} seconds, and this did not."
                ) from None
        if context.is_displaced:
            raise _displaced()

    def begin_arrival(self, context: RequestContext, end: Callable[[], None]) -> None:
        """Note that a body begins to arrive; `end` is called where others need its room."""
        self._arriving[context] = (time.monotonic(), end)

    def end_arrival(self, context: RequestContext) -> None:
        """Note that it is complete, or given up."""
        self._arriving.pop(context, None)

    def hold(self, context: RequestContext, size: int) -> None:
        """Count `size` bytes of a body. RequestError where it, or all bodies together, are too large."""
        if context.body_bytes + size > self.settings.max_body:
            raise RequestError("too_large", f"a request has at most {self.settings.max_body:,} bytes.")
        self._take(context, size)
        context.body_bytes += size

    def unpack(self, context: RequestContext, size: int, what: str) -> None:
        """Count `size` bytes that a body becomes, before they are there. RequestError as in `hold`.

        Args:
            context: The request.
            size: Bytes.
            what: What they are, for the message: "decoded images".
        """
        if size > self.settings.max_body:
            raise RequestError(
                "too_large", f"{what} have at most {self.settings.max_body:,} bytes, and these have {size:,}."
            )
        self._take(context, size)

    def reserve(self, context: RequestContext, size: int) -> None:
        """Count `size` bytes that arrive for a request whose size another limits. RequestError as in `hold`."""
        self._take(context, size)

    def leave(self, context: RequestContext) -> None:
        """Release a request and its bytes."""
        if not context.is_displaced:  # else they were released then
            self.requests -= 1
            self.release(context)

    def release(self, context: RequestContext) -> None:
        """Release the bytes that a request holds."""
        self.bytes -= context.held_bytes
        context.held_bytes = 0

    def _take(self, context: RequestContext, size: int) -> None:
        if context.is_displaced:
            raise _displaced()
        # a request that is alone is accepted whatever it becomes, or it would always be refused
        while self.bytes > context.held_bytes and self.bytes + size > self.settings.max_bytes:
            others = [each for each in self._settled(_BYTES_SECONDS) if each.held_bytes and each is not context]
            if not others:
                raise RequestError(
                    "busy", "the bodies of all current requests together are too large. Try again later.", retry_after=1
                )
            self._displace(max(others, key=lambda each: each.held_bytes))
        context.held_bytes += size
        self.bytes += size
        self.taken += size

    def _settled(self, seconds: float) -> list[RequestContext]:
        """The requests whose bodies arrive for so long that others may take their room, the oldest first."""
        latest = time.monotonic() - seconds
        return [context for context, (since, _) in self._arriving.items() if since <= latest]

    def _who_makes_room(self, client: str | None) -> RequestContext | None:
        """Of the bodies that arrive the oldest of the client that has most of them. It has its first moment to itself,
        unless its client floods the others.
        """
        arriving = [each for each in self._arriving if each.is_admitted]
        counts = Counter(each.client for each in arriving)
        settled = set(self._settled(_PLACE_SECONDS))
        own = counts[client]
        may = [each for each in arriving if each in settled or counts[each.client] > own + 1]
        return max(may, key=lambda each: counts[each.client], default=None)

    def _displace(self, context: RequestContext | None) -> None:
        if context is None:
            return
        _, end = self._arriving.pop(context)
        context.is_displaced = True
        self.requests -= context.is_admitted
        self.release(context)
        end()


def _displaced() -> RequestError:
    return RequestError(
        "busy", "others needed the room of this request before its body was complete. Try again later.", retry_after=1
    )
