"""One process that serves: HTTP and gRPC on one event loop, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from netwright.errors import ServeError
from netwright.serving.http.middleware import Limits
from netwright.serving.logs import Log
from netwright.serving.metrics import Metrics
from netwright.serving.models.repository import Event, Repository
from netwright.serving.models.service import Service
from netwright.serving.supervisor.heartbeat import beat_seconds
from netwright.system.extras import optional

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings
    from netwright.serving.supervisor.listening import Listening

__all__ = ["Server", "check_tls"]


def check_tls(settings: ServeSettings) -> None:
    """ServeError where certificate and key cannot be used: said before anything is loaded."""
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
    """Opens its models in the making; `run` blocks until `stop`, and then finishes what was accepted.

    sock: listens already. shares_port: gRPC's port is other workers' too. say: a word of `heartbeat.Voice` to whoever
    watches this process.
    """

    def __init__(
        self,
        settings: ServeSettings,
        sock: Listening,
        *,
        shares_port: bool = False,
        metrics: Metrics | None = None,
        say: Callable[[str, str], None] = lambda word, more: None,
    ) -> None:
        for package in ("uvicorn", "httptools", "fastapi", "prometheus_client", "python_multipart"):
            optional(package, "serve")
        from netwright.serving.http.app import Site

        self.settings, self._sock, self._shares_port = settings, sock, shares_port
        self.port, self.grpc_port = int(sock.getsockname()[1]), 0
        self._log = Log(settings.log_format)
        self._say = say
        metrics = metrics or Metrics()
        repository = Repository(
            settings,
            on_event=self._on_event(metrics),
            on_batch=metrics.on_batch,
            on_loading=lambda is_loading: say("loading" if is_loading else "loaded", ""),
            is_alone=settings.workers == 1,
        )
        self._site = Site(Service(repository, settings), Limits(settings), metrics, self._log)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._stop_early = threading.Event()

    def run(self, on_ready: Callable[[Server], None] = lambda server: None, *, signals: bool = True) -> None:
        """Serve. on_ready is called once it answers. signals: SIGINT and SIGTERM stop it, a second one at once."""
        try:
            asyncio.run(self._serve(on_ready, signals))
        finally:
            self._site.service.close()
            self._site.service.repository.close(self.settings.grace)

    def stop(self) -> None:
        """From any thread: take no more, and return from `run` when the rest is done."""
        self._stop_early.set()
        if self._loop is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):  # it has stopped already
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def _serve(self, on_ready: Callable[[Server], None], signals: bool) -> None:
        from netwright.serving.http.protocol import make_http

        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        http = make_http(self._site, self._sock.held)
        rpc: Any = None
        if self.settings.grpc_port is not None:
            from netwright.serving.grpc.servicer import start_grpc

            rpc, self.grpc_port = await start_grpc(self._site, shares_port=self._shares_port)
        serving = asyncio.create_task(http.serve(sockets=[self._sock]))
        while not http.started and not serving.done():
            await asyncio.sleep(0.005)
        self._site.service.repository.watch()
        with _signals(self._loop, self._on_signal) if signals else contextlib.nullcontext():
            on_ready(self)
            beating = asyncio.create_task(self._beat())
            if not self._stop_early.is_set():
                waiting = asyncio.create_task(self._stopping.wait())
                await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            await self._finish(http, serving, rpc)
            beating.cancel()
            self._say("stopping", "")

    async def _beat(self) -> None:
        """What only the event loop can say is true of it: that it goes round; and what it sees of the rest."""
        seconds, site, was_hanging = beat_seconds(self.settings.heartbeat), self._site, ""
        repository, metrics, waiting = site.service.repository, site.metrics, set[tuple[str, str]]()
        while True:
            hanging = repository.hanging()
            self._say("hanging" if hanging else "alive", hanging)
            if hanging != was_hanging:
                self._log.write("computation hangs" if hanging else "computation ended", said=hanging or was_hanging)
                was_hanging = hanging
            metrics.workers_ready.set(0 if hanging or site.limits.is_stopping else 1)
            metrics.body_bytes.set(site.limits.bytes)
            now = {(each.name, str(each.version)): each.batcher.waiting for each in repository.models()}
            for key in waiting | set(now):  # what is gone has nothing that waits
                metrics.queue_images.labels(*key).set(now.get(key, 0))
            waiting = set(now)
            await asyncio.sleep(seconds)

    async def _finish(self, http: Any, serving: asyncio.Task[None], rpc: Any) -> None:
        limits, started = self._site.limits, time.monotonic()
        limits.is_stopping = self._site.service.is_stopping = True
        self._log.write("stopping", requests=limits.requests)
        http.should_exit = True
        if rpc is not None:
            await rpc.stop(self.settings.grace)
        await serving
        self._log.write("stopped", seconds=round(time.monotonic() - started, 3))

    def _on_signal(self) -> None:
        if self._stopping is not None and self._stopping.is_set():
            self._log.write("killed", said="a second signal")
            os._exit(1)  # a computation that hangs must not keep it
        self.stop()

    def _on_event(self, metrics: Metrics) -> Callable[[Event], None]:
        def tell(event: Event) -> None:
            metrics.model_events.labels(event.name, event.kind).inc()
            self._log.write(f"model {event.kind}", model=event.name, version=event.version or "", said=event.said)

        return tell


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> Iterator[None]:
    caught = (signal.SIGINT, signal.SIGTERM)
    for each in caught:
        loop.add_signal_handler(each, what)
    try:
        yield
    finally:
        for each in caught:
            loop.remove_signal_handler(each)
