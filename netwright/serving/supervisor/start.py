"""Start a server: in this process, or in workers that this process watches."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from netwright.system.extras import optional

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings

__all__ = ["quiet_libraries", "serve"]

_LOGGER = logging.getLogger("netwright.serving")


def serve(settings: ServeSettings, on_ready: Callable[[int, int], None] = lambda port, grpc_port: None) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted.

    `settings.warning`, where it has one, goes to the logger "netwright.serving"; requests and events of models go to
    stderr, one line each, in `settings.log_format`.

    Args:
        settings: What to serve, and how.
        on_ready: Called with the ports of HTTP and gRPC (0 for none) once the server answers.

    Raises:
        ServeError: Where it cannot listen, or nothing can be served.
        ExportError: For an exported file that cannot be opened.
        WeightsError: For weights that cannot be opened.
    """
    from netwright.serving.supervisor.process import check_tls

    optional("uvicorn", "serve")
    if settings.grpc_port is not None:
        optional("grpc", "serve")
    if settings.warning:
        _LOGGER.warning("%s", settings.warning)
    quiet_libraries()
    check_tls(settings)
    if settings.workers > 1:
        from netwright.serving.supervisor.supervisor import Supervisor

        Supervisor(settings).run(on_ready)
        return
    from netwright.serving.supervisor.listening import listen
    from netwright.serving.supervisor.process import Server

    with listen(settings.host, settings.port) as sock:
        Server(settings, sock).run(lambda server: on_ready(server.port, server.grpc_port))


def quiet_libraries() -> None:
    """Silence the warnings of packages about what a client sent: the server refuses it and logs that itself."""
    from PIL import Image

    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    for name in ("python_multipart", "PIL", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR)
