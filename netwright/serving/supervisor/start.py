"""A server by its settings: in this process, or in workers that this process watches."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from netwright.system.extras import optional

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings

__all__ = ["serve"]


def serve(settings: ServeSettings, on_ready: Callable[[int, int], None] = lambda port, grpc_port: None) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted. on_ready: called with the ports once it answers.

    Raises ServeError, ExportError or WeightsError for what cannot be served, before it listens.
    """
    from netwright.serving.supervisor.process import check_tls

    optional("uvicorn", "serve")
    if settings.grpc_port is not None:
        optional("grpc", "serve")
    if settings.warning:
        print(f"netwright serve: {settings.warning}", file=sys.stderr)
    quiet_others()
    check_tls(settings)
    if settings.workers > 1:
        from netwright.serving.supervisor.supervisor import Supervisor

        Supervisor(settings).run(on_ready)
        return
    from netwright.serving.supervisor.listening import listen
    from netwright.serving.supervisor.process import Server

    with listen(settings.host, settings.port) as sock:
        Server(settings, sock).run(lambda server: on_ready(server.port, server.grpc_port))


def quiet_others() -> None:
    """Packages that warn of what a client sent: the server refuses it, says so, and logs that in its own words."""
    from PIL import Image

    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    for name in ("python_multipart", "PIL", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR)
