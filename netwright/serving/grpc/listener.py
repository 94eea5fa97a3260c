"""The connections of gRPC's clients, passed on to the grpc library byte by byte, and counted.

The library itself takes what a message announces: thirty streams that announce 30 MiB each and never finish hold 1 GB,
and Python sees nothing of a message before it is complete. So clients connect to the listener here, which passes their
bytes on over a socket of this machine, and counts those of messages that still arrive with the bodies of HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netwright.serving.connections import Connections, most_connections
from netwright.serving.grpc.connection import CHECK_SECONDS, FIRST_BYTES_SECONDS, ClientConnection, LibraryConnection
from netwright.serving.turns import CallTurns
from netwright.system.temporary import temporary_folder

if TYPE_CHECKING:
    from netwright.serving.limits import Limits
    from netwright.serving.settings import ServeSettings

__all__ = ["GrpcListener"]

_READ_BYTES = 64 << 10  # of one connection before others have their turn
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
        self._clients: dict[str, ClientConnection] = {}  # by the library's name of a peer
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
        limit: dict[str, Any] = {"ssl_handshake_timeout": FIRST_BYTES_SECONDS} if tls else {}
        self._server = await loop.create_server(
            lambda: ClientConnection(self), sock=sock, ssl=tls, backlog=backlog, **limit
        )
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

    def remove(self, client: ClientConnection, peer: str) -> None:
        """Forget a connection that has ended."""
        self.connections.remove(client)
        self._clients.pop(peer, None)

    async def connect(self, client: ClientConnection) -> LibraryConnection:
        """A connection to the library for one of a client."""
        loop, name = asyncio.get_running_loop(), self.path.with_name(str(next(self._numbers)))
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.bind(str(name))  # the library then knows it by this name
            await loop.sock_connect(sock, str(self.path))
            name.unlink()
            _, backend = await loop.create_unix_connection(lambda: LibraryConnection(client), sock=sock)
        except BaseException:
            sock.close()
            raise
        client.peer = f"unix:{name}"
        self._clients[client.peer] = client
        return backend

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            now = time.monotonic()
            for each in self.connections:
                assert isinstance(each, ClientConnection)
                each.check(now)
