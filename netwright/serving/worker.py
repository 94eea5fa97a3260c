"""A worker process: `python -m netwright.serving.worker SOCKET`, with its settings as a line of standard input."""

from __future__ import annotations

import json
import socket
import sys
import threading

from netwright.errors import NetwrightError
from netwright.serving.process import Server
from netwright.serving.settings import ServeSettings
from netwright.serving.start import quiet_others

__all__ = ["main"]


def main() -> int:
    """Serve until SIGTERM, or until standard input ends: then the supervisor is gone."""
    settings = ServeSettings.from_dict(json.loads(sys.stdin.readline()))
    quiet_others()
    try:
        server = Server(settings, socket.socket(fileno=int(sys.argv[1])), shares_port=True)
    except NetwrightError as error:
        print(f"netwright serve: {error}", file=sys.stderr)
        return 1

    def follow() -> None:
        sys.stdin.read()
        server.stop()

    def on_ready(server: Server) -> None:
        print("ready", flush=True)
        threading.Thread(target=follow, daemon=True).start()

    server.run(on_ready)
    return 0


if __name__ == "__main__":
    sys.exit(main())
