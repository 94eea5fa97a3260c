"""A client's connection of gRPC, and the one to the grpc library that its bytes are passed on over."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import TYPE_CHECKING, Any, Protocol

from netwright.serving.errors import RequestError
from netwright.serving.grpc.frames import (
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE_BYTES,
    RESET,
    Frames,
    Messages,
    Unexpected,
)
from netwright.serving.limits import RequestContext

if TYPE_CHECKING:
    from netwright.serving.connections import Connections
    from netwright.serving.limits import Limits
    from netwright.serving.turns import CallTurns

__all__ = ["CHECK_SECONDS", "FIRST_BYTES_SECONDS", "ClientConnection", "LibraryConnection"]

FIRST_BYTES_SECONDS = 10.0  # that a new connection has to say something, as over HTTP
CHECK_SECONDS = 1.0  # between two calls of `check`
_MOST_FRAMES = 50_000  # of a connection in a second
_HEAD_BYTES = 32 << 10  # of a call: the library takes half of it
_STUCK_SECONDS = 5.0  # after which a call that has not begun counts no longer: the library has dropped it


class Listener(Protocol):
    """What has accepted a connection.

    Attributes:
        limits: What the bytes count against.
        buffer: Of all connections: each takes what it has read at once.
        connections: All of them.
        turns: Of the calls.
    """

    limits: Limits
    buffer: memoryview
    connections: Connections
    turns: CallTurns

    async def connect(self, client: ClientConnection) -> LibraryConnection:
        """A connection to the library for one of a client."""
        ...

    def remove(self, client: ClientConnection, peer: str) -> None:
        """Forget a connection that has ended."""


class ClientConnection(asyncio.BufferedProtocol):
    """A client's connection."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._limits = listener, listener.limits
        self.address, self.peer, self.active = "", "", time.monotonic()
        self._has_spoken = False
        self._backend: LibraryConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._messages: dict[int, Messages] = {}  # streams that the client has not completed
        self._held: dict[int, RequestContext] = {}  # of those, with an unfinished message
        self._unsent = b""  # what is not passed on yet
        self._latest = self._next = 0  # stream of the latest call, and of the one whose head is the first of `_unsent`
        self._is_waiting = self._is_full = False  # for the call's turn; the library reads nothing
        self._passed: dict[int, float] = {}  # streams of calls that have not begun, since when
        self._sent = Frames(self._on_frame, self._on_data, skip=PREFACE_BYTES)
        self._answered = Frames(self._on_answer)

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self._listener.connections.add(self)
        if not transport.is_closing():
            transport.pause_reading()
            self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            self._backend = await self._listener.connect(self)
        except OSError:
            self.abort()
        else:
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._listener.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.active, self._has_spoken = time.monotonic(), True
        self._unsent += self._listener.buffer[:nbytes]
        if not self._is_waiting:
            self._advance()

    def _advance(self) -> None:
        """Pass on what came, up to the head of a call that is incomplete, or whose turn it is not."""
        assert self._backend is not None
        while self._unsent and not self.transport.is_closing():
            if self._next:
                if self._sent.left > _HEAD_BYTES:
                    self.abort()
                    break
                if len(self._unsent) < self._sent.left:
                    break
                if not self._listener.turns.take(self):
                    self._is_waiting = True
                    break
                self._pass_call()
            try:
                size = self._sent.feed(memoryview(self._unsent))
            except (Unexpected, RequestError):
                self.abort()
                break
            self._backend.transport.write(self._unsent[:size])
            self._unsent = self._unsent[size:]
        self._read()

    def _pass_call(self) -> None:
        self._passed[self._next] = time.monotonic()
        self._next = 0

    def pass_on(self) -> None:
        """The turn of the call that waits has come."""
        self._is_waiting = False
        self._pass_call()
        self._advance()

    def has_begun(self) -> None:
        """One of its calls has begun: which, the library does not tell."""
        if self._passed:
            self._end_wait(next(iter(self._passed)))

    def _end_wait(self, stream: int) -> None:
        if self._passed.pop(stream, None) is not None:
            self._listener.turns.begun(self.address)

    def read(self, *, is_full: bool) -> None:
        """Read on, unless the library takes no more."""
        self._is_full = is_full
        self._read()

    def _read(self) -> None:
        if self._is_full or self._is_waiting:
            self.transport.pause_reading()
        elif not self.transport.is_closing():
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        if self._backend is not None:
            self._backend.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._backend is not None:
            self._backend.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.remove(self, self.peer)
        self._listener.turns.leave(self)
        for stream in list(self._passed):
            self._end_wait(stream)
        for stream in list(self._held):
            self._release(stream)
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
        if self._backend is not None:
            self._backend.transport.close()

    def answer(self, data: bytes) -> None:
        """Pass on what the library answers."""
        with contextlib.suppress(Unexpected):
            self._answered.feed(memoryview(data))
        self.transport.write(data)

    @property
    def is_spare(self) -> bool:
        """Clients of gRPC connect again by themselves."""
        return True

    def abort(self) -> None:
        """End the connection."""
        self.transport.abort()

    def check(self, now: float) -> None:
        """End the connection where it is silent from the start, floods, or sends a message for too long."""
        oldest = min((each.started for each in self._held.values()), default=math.inf)
        is_slow = oldest < now - self._limits.settings.body_timeout - CHECK_SECONDS
        is_silent = not self._has_spoken and self.active < now - FIRST_BYTES_SECONDS
        if is_slow or is_silent or self._sent.count > _MOST_FRAMES * CHECK_SECONDS:
            self.abort()
        self._sent.count = 0
        for stream in [each for each, since in self._passed.items() if since < now - _STUCK_SECONDS]:
            self._end_wait(stream)

    def _on_frame(self, kind: int, flags: int, stream: int) -> bool:
        if kind == RESET:
            self._forget(stream)
            if stream in self._passed:
                self._passed[stream] = 0.0  # the library may have dropped it: not at once, or floods of them would pass
        if kind != HEADERS:
            return False
        if not flags & END_HEADERS:
            raise Unexpected("the head of a call in several frames")
        if not flags & END_STREAM:
            self._messages.setdefault(stream, Messages())
        if stream <= self._latest:
            return False
        self._latest = self._next = stream
        return True

    def _on_data(self, stream: int, data: memoryview) -> None:
        messages = self._messages.get(stream)
        if messages is None:
            return  # the library has ended it, and drops this
        size = messages.feed(data)
        if messages.is_new:
            self._release(stream)
        if not size:
            return
        context = self._held.get(stream)
        if context is None:
            context = self._held[stream] = RequestContext("", math.inf, "grpc")
            self._limits.begin_arrival(context, self.abort)
        self._limits.reserve(context, size)

    def _on_answer(self, kind: int, flags: int, stream: int) -> None:
        if kind == RESET or (flags & END_STREAM and kind <= HEADERS):
            self._forget(stream)
            self._end_wait(stream)

    def _forget(self, stream: int) -> None:
        self._messages.pop(stream, None)
        self._release(stream)

    def _release(self, stream: int) -> None:
        context = self._held.pop(stream, None)
        if context is not None:
            self._limits.end_arrival(context)
            self._limits.release(context)


class LibraryConnection(asyncio.Protocol):
    """The other end, to the library."""

    def __init__(self, client: ClientConnection) -> None:
        self._client = client

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport

    def data_received(self, data: bytes) -> None:
        self._client.answer(data)

    def pause_writing(self) -> None:
        self._client.read(is_full=True)

    def resume_writing(self) -> None:
        self._client.read(is_full=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.transport.close()
