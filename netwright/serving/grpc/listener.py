"""The connections of gRPC's clients, passed on to the grpc library byte by byte, and counted.

The library itself takes what a message announces: thirty streams that announce 30 MiB each and never finish hold 1 GB,
and Python sees nothing of a message before it is complete. So clients connect to the listener here, which passes their
bytes on over a socket of this machine, and counts those of messages that still arrive with the bodies of HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netwright.serving.connections import Connections, most_connections
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
from netwright.serving.turns import CallTurns
from netwright.system.temporary import temporary_folder

if TYPE_CHECKING:
    from netwright.serving.limits import Limits
    from netwright.serving.settings import ServeSettings

__all__ = ["GrpcListener"]

_READ_BYTES = 64 << 10  # of one connection before others have their turn
_FIRST_BYTES_SECONDS = 10.0  # that a new connection has to say something, as over HTTP
_CHECK_SECONDS = 1.0
_MOST_FRAMES = 50_000  # of a connection in a second
_HEAD_BYTES = 32 << 10  # of a call: the library takes half of it
_STUCK_SECONDS = 5.0  # after which a call that has not begun counts no longer: the library has dropped it
_MOST_CONNECTIONS = 1_000
_FILES_EACH = 2  # that the process opens for a connection


class GrpcListener:
    """Accepts connections and passes them on to `backend`.

    Args:
        settings: Of the server.
        limits: What the bytes count against.
        on_connections: Called with the number of open connections when it changes.

    Attributes:
        backend: Address that the grpc library listens on.
    """

    def __init__(
        self, settings: ServeSettings, limits: Limits, on_connections: Callable[[int], None] = lambda count: None
    ) -> None:
        self._settings, self.limits = settings, limits
        self._closing = contextlib.ExitStack()
        self.path = self._closing.enter_context(temporary_folder("grpc")) / "grpc"
        self.backend = f"unix:{self.path}"
        # of all connections: each takes what it has read at once. A view, as asyncio's TLS reads into slices of it
        self.buffer = memoryview(bytearray(_READ_BYTES))
        self._numbers = itertools.count()
        most = most_connections(_MOST_CONNECTIONS, _FILES_EACH)
        self.connections = Connections(most, settings.max_connections, on_connections)
        self.turns = CallTurns()
        self._clients: dict[str, _Client] = {}  # by the library's name of a peer
        self._server: asyncio.Server | None = None
        self._checking: asyncio.Task[None] | None = None

    async def start(self, sock: socket.socket, backlog: int) -> None:
        """Accept from a socket that listens, `backlog` connections each time the event loop wakes up."""
        loop = asyncio.get_running_loop()
        tls: ssl.SSLContext | None = None
        if self._settings.tls_cert:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self._settings.tls_cert, self._settings.tls_key)
            tls.set_alpn_protocols(["h2"])
        limit: dict[str, Any] = {"ssl_handshake_timeout": _FIRST_BYTES_SECONDS} if tls else {}
        self._server = await loop.create_server(lambda: _Client(self), sock=sock, ssl=tls, backlog=backlog, **limit)
        self._checking = asyncio.create_task(self._check())

    def stop_accepting(self) -> None:
        """Close the socket that listens; connections stay."""
        if self._server is not None:
            self._server.close()

    def close(self) -> None:
        """End all connections."""
        self.stop_accepting()
        if self._checking is not None:
            self._checking.cancel()
        for each in self.connections:
            each.abort()
        self._closing.close()

    def address_of(self, peer: str) -> str:
        """The network address of the client that the library calls `peer`."""
        client = self._clients.get(peer)
        return client.address if client is not None else ""

    def has_begun(self, peer: str) -> None:
        """Note that the library has begun a call of a client."""
        if (client := self._clients.get(peer)) is not None:
            client.has_begun()

    def remove(self, client: _Client, peer: str) -> None:
        """Forget a connection that has ended."""
        self.connections.remove(client)
        self._clients.pop(peer, None)

    async def connect(self, client: _Client) -> _Backend:
        """A connection to the library for one of a client."""
        loop, name = asyncio.get_running_loop(), self.path.with_name(str(next(self._numbers)))
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.bind(str(name))  # the library then knows it by this name
            await loop.sock_connect(sock, str(self.path))
            name.unlink()
            _, backend = await loop.create_unix_connection(lambda: _Backend(client), sock=sock)
        except BaseException:
            sock.close()
            raise
        client.peer = f"unix:{name}"
        self._clients[client.peer] = client
        return backend

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            now = time.monotonic()
            for each in self.connections:
                assert isinstance(each, _Client)
                each.check(now)


class _Client(asyncio.BufferedProtocol):
    """A client's connection."""

    def __init__(self, listener: GrpcListener) -> None:
        self._listener, self._limits = listener, listener.limits
        self.address, self.peer, self.active = "", "", time.monotonic()
        self._has_spoken = False
        self._backend: _Backend | None = None
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
        is_slow = oldest < now - self._limits.settings.body_timeout - _CHECK_SECONDS
        is_silent = not self._has_spoken and self.active < now - _FIRST_BYTES_SECONDS
        if is_slow or is_silent or self._sent.count > _MOST_FRAMES * _CHECK_SECONDS:
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


class _Backend(asyncio.Protocol):
    """The other end, to the library."""

    def __init__(self, client: _Client) -> None:
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
