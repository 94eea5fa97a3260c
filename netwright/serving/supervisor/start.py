"""Start a server: in this process, or in workers that this process watches."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.errors import ServeError
from netwright.system.extras import optional
from netwright.system.machine import share_memory

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings

__all__ = ["quiet_libraries", "serve"]

_LOGGER = logging.getLogger("netwright.serving")


def serve(
    ref: str | Path | ServeSettings,
    on_ready: Callable[[int, int], None] = lambda port, grpc_port: None,
    **options: Any,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted: what `netwright serve` runs.

        netwright.serve("cat-or-dog.onnx", port=8080, grpc_port=8081)

    The warning of the settings, where there is one, goes to the logger "netwright.serving"; requests and events of
    models go to stderr, one line each, in the settings' `log_format`.

    Args:
        ref: What `open_runtime` takes, a folder of models in numbered versions, or all settings.
        on_ready: Called with the ports of HTTP and gRPC (0 for none) once the server answers.
        **options: Settings by name, where `ref` does not have them: the attributes of `ServeSettings`.

    Raises:
        ServeError: Where it cannot listen, or nothing can be served.
        ExportError: For an exported file that cannot be opened.
        WeightsError: For weights that cannot be opened.
    """
    from netwright.serving.settings import ServeSettings
    from netwright.serving.supervisor.process import check_tls

    if isinstance(ref, ServeSettings) and options:
        raise ServeError(f"a ServeSettings has all options itself. Put {', '.join(options)} into it.")
    settings = ref if isinstance(ref, ServeSettings) else ServeSettings.from_options(ref, **options)
    optional("uvicorn", "serve")
    if settings.grpc_port is not None:
        optional("grpc", "serve")
    if settings.warning:
        _LOGGER.warning("%s", settings.warning)
    quiet_libraries()
    share_memory()
    check_tls(settings)
    if settings.workers > 1:
        from netwright.serving.supervisor.supervisor import Supervisor

        Supervisor(settings).run(on_ready)
        return
    from netwright.serving.supervisor.listening import listen_for
    from netwright.serving.supervisor.pauses import settle, short_pauses
    from netwright.serving.supervisor.process import Server

    def announce(server: Server) -> None:
        settle()
        on_ready(server.port, server.grpc_port)

    with short_pauses(), listen_for(settings) as sock:
        Server(settings, sock).run(announce)


def quiet_libraries() -> None:
    """Silence the warnings of packages about what a client sent: the server refuses it and logs that itself."""
    from PIL import Image

    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    for name in ("python_multipart", "PIL", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR)
