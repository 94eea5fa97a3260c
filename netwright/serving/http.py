"""uvicorn, told to be quiet, to leave signals alone, and to wait for nobody for ever. Needs the extra [serve]."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from netwright.serving.app import make_app

if TYPE_CHECKING:
    from netwright.serving.app import Site

__all__ = ["make_http"]

_HEAD_SECONDS = 10.0  # for the head of a connection's first request
_IDLE_SECONDS = 65  # between requests: longer than balancers (60 s) keep a connection


class _Protocol(HttpToolsProtocol):
    """uvicorn's own, which would wait for ever for a head that comes a byte an hour."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        cycle: object = self.cycle  # None until a head is whole, whatever uvicorn's annotations say
        if cycle is None:
            self.transport.close()


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process has its own."""
        yield


def make_http(site: Site) -> uvicorn.Server:
    """Not yet started; it ends what it has accepted when `should_exit` is set."""
    settings = site.service.settings
    config = uvicorn.Config(
        make_app(site),
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=max(1, math.ceil(settings.grace)),
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )
    return _Uvicorn(config)
