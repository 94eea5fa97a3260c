"""A worker process: `python -m netwright.serving.supervisor.worker SOCKET [GRPC_SOCKET]`.

Its settings are one line on standard input.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from netwright.errors import NetwrightError
from netwright.serving.logs import Log
from netwright.serving.metrics import SHARED_FOLDER, Metrics, share
from netwright.serving.settings import ServeSettings
from netwright.serving.supervisor.heartbeat import HeartbeatSender
from netwright.serving.supervisor.listening import ConnectionCounts, ListeningSocket
from netwright.serving.supervisor.pauses import settle, short_pauses
from netwright.serving.supervisor.process import Server
from netwright.serving.supervisor.start import quiet_libraries
from netwright.system.machine import share_memory

__all__ = ["main"]


def main() -> int:
    """Serve until SIGTERM, or until standard input ends, which means that the supervisor is gone."""
    orders = json.loads(sys.stdin.readline())
    settings = ServeSettings.from_dict(orders["settings"])
    sender = HeartbeatSender(os.dup(1))
    os.dup2(2, 1)  # what a library prints must not reach the supervisor
    quiet_libraries()
    share_memory()
    try:
        share(orders["place"])
        metrics = Metrics()
        if orders["restart_reason"]:
            metrics.worker_restarts.labels(orders["restart_reason"]).inc()
        sock = ListeningSocket(fileno=int(sys.argv[1]))
        grpc_sock = ListeningSocket(fileno=int(sys.argv[2])) if len(sys.argv) > 2 else None
        for each, name in zip((sock, grpc_sock), orders["connection_counts"], strict=True):
            if each is not None:
                each.connection_counts = ConnectionCounts(Path(os.environ[SHARED_FOLDER]) / name, orders["place"])
        server = Server(
            settings, sock, grpc_sock=grpc_sock, metrics=metrics, heartbeat=sender.send, worker=orders["place"]
        )

        def stop_with_supervisor() -> None:
            sys.stdin.read()
            server.stop()

        def on_ready(server: Server) -> None:
            settle()
            sender.send("ready")
            threading.Thread(target=stop_with_supervisor, daemon=True).start()

        with short_pauses():
            server.run(on_ready)
    except NetwrightError as error:
        Log(settings.log_format, worker=orders["place"]).write("worker failed", pid=os.getpid(), message=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
