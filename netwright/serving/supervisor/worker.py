"""A worker process: `python -m netwright.serving.supervisor.worker SOCKET`, its settings a line of standard input."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from netwright.errors import NetwrightError
from netwright.serving.metrics import SHARED_FOLDER, Metrics, share
from netwright.serving.settings import ServeSettings
from netwright.serving.supervisor.heartbeat import Voice
from netwright.serving.supervisor.listening import Held, Listening
from netwright.serving.supervisor.process import Server
from netwright.serving.supervisor.start import quiet_others

__all__ = ["main"]


def main() -> int:
    """Serve until SIGTERM, or until standard input ends: then the supervisor is gone."""
    told = json.loads(sys.stdin.readline())
    settings = ServeSettings.from_dict(told["settings"])
    voice = Voice(os.dup(1))
    os.dup2(2, 1)  # what a library prints is no word to the supervisor
    quiet_others()
    try:
        share(told["place"])
        metrics = Metrics()
        if told["why"]:
            metrics.worker_restarts.labels(told["why"]).inc()
        sock = Listening(fileno=int(sys.argv[1]))
        sock.held = Held(Path(os.environ[SHARED_FOLDER]) / told["held"], told["place"])
        server = Server(settings, sock, shares_port=True, metrics=metrics, say=voice.say)
    except NetwrightError as error:
        print(f"netwright serve: {error}", file=sys.stderr)
        return 1

    def follow() -> None:
        sys.stdin.read()
        server.stop()

    def on_ready(server: Server) -> None:
        voice.say("ready")
        threading.Thread(target=follow, daemon=True).start()

    server.run(on_ready)
    return 0


if __name__ == "__main__":
    sys.exit(main())
