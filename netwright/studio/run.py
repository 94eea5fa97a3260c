"""Starts the studio, and ends it. Needs the extra [serve]."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from netwright.errors import ServeError
from netwright.studio.settings import StudioSettings
from netwright.system.extras import optional

__all__ = ["run_studio"]

_GRACE = 2  # seconds: pages that listen for events are told at once


def run_studio(settings: StudioSettings, on_ready: Callable[[str], None] | None = None) -> None:
    """See `netwright.open_studio`."""
    optional("fastapi", "serve")
    uvicorn = optional("uvicorn", "serve")
    from netwright.studio.app import make_app
    from netwright.studio.state import Studio

    with tempfile.TemporaryDirectory(prefix="netwright-studio-") as temporary, _listening(settings) as listener:
        port = int(listener.getsockname()[1])
        studio = Studio(settings, Path(temporary))
        config = uvicorn.Config(
            make_app(studio, port),
            lifespan="on",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        if on_ready is not None:
            on_ready(_address(settings, port))
        server = uvicorn.Server(config)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


@contextlib.contextmanager
def _listening(settings: StudioSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    with contextlib.closing(listener):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise ServeError(
                f"the studio cannot listen on {settings.host}, port {settings.port}: {error}. Give another --port, or "
                "0 for a free one."
            ) from error
        listener.listen(128)
        yield listener


def _address(settings: StudioSettings, port: int) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{port}/" + (f"?token={settings.token}" if settings.token else "")
