"""The gRPC server: the grpc library, behind a listener that counts what its clients send."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netwright.errors import ServeError
from netwright.serving.grpc.health import health_handler, reflection_handler
from netwright.serving.grpc.listener import GrpcListener
from netwright.serving.grpc.messages import SERVICE
from netwright.serving.grpc.servicer import Servicer
from netwright.serving.grpc.wake_ups import reads_all_wake_ups
from netwright.system.extras import optional

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings
    from netwright.serving.state import AppState

__all__ = ["GrpcServer", "start_grpc"]

_ENVELOPE_BYTES = 1 << 20  # of a message, besides its tensors
_PING_SECONDS, _PONG_SECONDS = 60, 20  # after which a silent client is asked whether it is there, and must say so
_IDLE_SECONDS = 300  # of a connection without calls: clients connect again by themselves
_GREETING_SECONDS = 10
_MOST_STREAMS = 100  # of a connection, at once: what servers of HTTP/2 usually allow; the library's clients wait then
_UNREAD_BYTES = 256 << 10


class GrpcServer:
    """A server of gRPC that runs.

    Attributes:
        port: That clients connect to.
    """

    def __init__(self, library: Any, listener: GrpcListener, port: int) -> None:
        self._library, self._listener, self.port = library, listener, port

    def stop_accepting(self) -> None:
        """Take no more connections."""
        self._listener.stop_accepting()

    async def stop(self, grace: float) -> None:
        """Take no more connections and calls, and let those that it has end within `grace` seconds."""
        self.stop_accepting()
        await self._library.stop(grace)
        self._listener.close()


async def start_grpc(
    state: AppState,
    sock: socket.socket,
    *,
    backlog: int = 100,
    on_connections: Callable[[int], None] = lambda count: None,
) -> GrpcServer:
    """Start a server of gRPC.

    Args:
        state: The models, and what admits requests.
        sock: Listens already; the server closes it.
        backlog: Connections accepted each time the event loop wakes up.
        on_connections: Called with the number of open connections when it changes.

    Raises:
        ServeError: Where it cannot listen.
    """
    grpc = optional("grpc", "serve")
    settings = state.settings
    listener = GrpcListener(settings, state.limits, on_connections)
    with reads_all_wake_ups(asyncio.get_running_loop()):
        library = grpc.aio.server(options=_options(settings))
    servicer = Servicer(state, grpc, listener.address_of, listener.has_begun)
    handlers = (
        grpc.method_handlers_generic_handler(SERVICE, servicer.method_handlers()),
        health_handler(servicer, state, grpc),
        reflection_handler(servicer, grpc),
    )
    library.add_generic_rpc_handlers(handlers)
    try:
        library.add_insecure_port(listener.backend)
    except RuntimeError as error:
        raise ServeError(f"gRPC cannot listen on {listener.path}: {error}. Set TMPDIR to a short path.") from error
    await library.start()
    port = int(sock.getsockname()[1])
    await listener.start(sock, backlog)
    return GrpcServer(library, listener, port)


def _options(settings: ServeSettings) -> list[tuple[str, int]]:
    most = settings.max_body + _ENVELOPE_BYTES
    pause = round(1000 * settings.grpc_ping)
    return [
        ("grpc.max_receive_message_length", most),
        ("grpc.max_send_message_length", most),
        # a packed message of 32 MiB becomes 32 GiB: `requests.unpack` sees how it grows
        ("grpc.per_message_decompression", 0),
        ("grpc.max_concurrent_streams", min(_MOST_STREAMS, settings.max_requests)),
        # what a client may send of a stream before anyone reads it: the listener counts it, and a batch of images fits
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", _UNREAD_BYTES),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", pause),
        ("grpc.http2.min_ping_interval_without_data_ms", pause),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_time_ms", 1000 * _PING_SECONDS),
        ("grpc.keepalive_timeout_ms", 1000 * _PONG_SECONDS),
        ("grpc.max_connection_idle_ms", 1000 * _IDLE_SECONDS),
        ("grpc.server_handshake_timeout_ms", 1000 * _GREETING_SECONDS),
    ]
