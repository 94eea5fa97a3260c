"""One process that serves: HTTP and gRPC on one event loop, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from netwright.errors import ServeError
from netwright.serving.logs import Log
from netwright.serving.metrics import Metrics
from netwright.serving.supervisor.fair_selector import FairSelector
from netwright.serving.supervisor.heartbeat import heartbeat_interval
from netwright.serving.supervisor.listening import accepted_at_once, listen, port_of
from netwright.serving.supervisor.memory import return_memory
from netwright.system.extras import optional

if TYPE_CHECKING:
    from netwright.serving.grpc.server import GrpcServer
    from netwright.serving.settings import ServeSettings
    from netwright.serving.supervisor.listening import ConnectionCounts, ListeningSocket

__all__ = ["Server", "check_tls"]


def check_tls(settings: ServeSettings) -> None:
    """ServeError where the certificate and its key cannot be used; before anything is loaded."""
    if not settings.tls_cert:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, lambda: "")
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise ServeError(
            f"TLS takes a certificate and its key, PEM and without a passphrase, and {settings.tls_cert} with "
            f"{settings.tls_key} cannot be used: {error.strerror or error if isinstance(error, OSError) else error}."
        ) from error


class Server:
    """A process that serves. `run` opens its models, while health checks are answered, and blocks until `stop`.

    Args:
        settings: What to serve, and how.
        sock: Listens already.
        grpc_sock: Listens already, for gRPC; None for one of its own where the settings have a `grpc_port`.
        metrics: Of this process; new ones where it is None.
        heartbeat: Called with (state, detail), as `HeartbeatSender.send`, for whoever watches this process.
        worker: Number of this process, for its log; None where it is the only one.

    Attributes:
        settings: As given.
        port: Of HTTP.
        grpc_port: Of gRPC once it runs; 0 for none.

    Raises:
        ServeError: Where a package is missing, or the folder of models cannot be read.
    """

    def __init__(
        self,
        settings: ServeSettings,
        sock: ListeningSocket,
        *,
        grpc_sock: ListeningSocket | None = None,
        metrics: Metrics | None = None,
        heartbeat: Callable[[str, str], None] = lambda state, detail: None,
        worker: int | None = None,
    ) -> None:
        for package in ("uvicorn", "httptools", "fastapi", "prometheus_client", "python_multipart"):
            optional(package, "serve")
        from netwright.serving.state import open_state

        self.settings, self._sock, self._grpc_sock = settings, sock, grpc_sock
        self.port, self.grpc_port = port_of(sock), 0
        self._log = Log(settings.log_format, worker=worker)
        self._heartbeat = heartbeat
        self._state = open_state(
            settings,
            metrics or Metrics(),
            self._log,
            on_loading=lambda is_loading: heartbeat("loading" if is_loading else "loaded", ""),
            is_alone=settings.workers == 1,
            opens=False,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._rpc: GrpcServer | None = None
        self._stop_early = threading.Event()

    def run(self, on_ready: Callable[[Server], None] = lambda server: None, *, signals: bool = True) -> None:
        """Serve until `stop`, then finish what was accepted.

        Args:
            on_ready: Called once it answers.
            signals: Whether SIGINT and SIGTERM stop it; a second one ends it at once.

        Raises:
            ServeError: Where nothing can be served.
            ExportError: For an exported file that cannot be opened.
            WeightsError: For weights that cannot be opened.
        """
        try:
            with asyncio.Runner(loop_factory=_event_loop) as runner:
                runner.run(self._serve(on_ready, signals))
        finally:
            self._state.close()

    def stop(self) -> None:
        """Accept no more requests, and let `run` return when the rest is answered. From any thread."""
        self._stop_early.set()
        if self._loop is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):  # it has stopped already
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def _serve(self, on_ready: Callable[[Server], None], signals: bool) -> None:
        from netwright.serving.http.uvicorn_adapter import make_http_server

        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        http = make_http_server(
            self._state, backlog=accepted_at_once(self._sock), **_counting(self._sock.connection_counts)
        )
        if self.settings.grpc_port is not None:
            from netwright.serving.grpc.server import start_grpc

            grpc_sock = self._grpc_sock or listen(self.settings.host, self.settings.grpc_port, flag="--grpc_port")
            self._rpc = await start_grpc(
                self._state, grpc_sock, backlog=accepted_at_once(grpc_sock), **_counting(grpc_sock.connection_counts)
            )
            self.grpc_port = self._rpc.port
        serving = asyncio.create_task(http.serve(sockets=[self._sock]))
        while not http.started and not serving.done():
            await asyncio.sleep(0.005)
        with _signals(self._loop, self._on_signal) if signals else contextlib.nullcontext():
            try:
                await self._open_models()
                self._state.service.repository.watch()
                if not self._stopping.is_set():
                    on_ready(self)
                keeping = [asyncio.create_task(each) for each in (self._beat(), return_memory(self._state.limits))]
                await self._stopped(serving)
            except BaseException:
                http.should_exit = http.force_exit = True
                if self._rpc is not None:
                    await self._rpc.stop(0)
                await serving
                raise
            await self._finish(http, serving)
            for each in keeping:
                each.cancel()
            self._heartbeat("stopping", "")

    async def _open_models(self) -> None:
        """In a thread: whoever asks meanwhile is told that the server lives and is not ready."""
        repository = self._state.service.repository
        opening = asyncio.ensure_future(asyncio.to_thread(repository.open))
        await self._stopped(opening)
        if not opening.done():
            repository.interrupt()
        await opening

    async def _stopped(self, running: asyncio.Future[Any]) -> None:
        """Return once it is told to stop, or what runs has ended."""
        assert self._stopping is not None
        if self._stop_early.is_set():
            return
        waiting = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _beat(self) -> None:
        """Send heartbeats and update gauges, on the event loop: that they come shows that it runs."""
        seconds, state, was_hanging = heartbeat_interval(self.settings.heartbeat), self._state, ""
        repository, metrics, waiting = state.service.repository, state.metrics, set[tuple[str, str]]()
        while True:
            hanging = repository.hanging()
            self._heartbeat("hanging" if hanging else "alive", hanging)
            if hanging != was_hanging:
                self._log.write("computation hangs" if hanging else "computation ended", message=hanging or was_hanging)
                was_hanging = hanging
            metrics.workers_ready.set(int(state.is_ready))
            metrics.body_bytes.set(state.limits.bytes)
            metrics.measure()
            now = {(each.name, str(each.version)): each.batcher.waiting for each in repository.models()}
            for key in waiting | set(now):  # a version that is gone has no images waiting
                metrics.queue_images.labels(*key).set(now.get(key, 0))
            waiting = set(now)
            await asyncio.sleep(seconds)

    async def _finish(self, http: Any, serving: asyncio.Task[None]) -> None:
        started = time.monotonic()
        self._state.stop_accepting()
        self._log.write("stopping", requests=self._state.limits.requests)
        http.should_exit = True
        if self._rpc is not None:
            await self._rpc.stop(self.settings.grace)
        await serving
        self._log.write("stopped", seconds=round(time.monotonic() - started, 3))

    def _on_signal(self) -> None:
        if self._stopping is not None and self._stopping.is_set():
            self._log.write("killed", message="a second signal")
            os._exit(1)  # not even a computation that hangs may keep it
        self.stop()


def _event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":  # its loop has no selector
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(FairSelector())


def _counting(counts: ConnectionCounts | None) -> dict[str, Any]:
    return {"on_connections": counts.set} if counts else {}


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, handle: Callable[[], None]) -> Iterator[None]:
    caught = (signal.SIGINT, signal.SIGTERM)
    for each in caught:
        loop.add_signal_handler(each, handle)
    try:
        yield
    finally:
        for each in caught:
            loop.remove_signal_handler(each)
