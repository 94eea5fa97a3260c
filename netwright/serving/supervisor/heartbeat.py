"""What a worker tells its supervisor, one line each over a pipe, and when its silence means that it hangs."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from dataclasses import dataclass, field

__all__ = ["HeartbeatMonitor", "HeartbeatSender", "heartbeat_interval"]

_PATIENCE = 10  # times the limit: while it loads models or stops, a worker's event loop may be late


def heartbeat_interval(limit: float) -> float:
    """Seconds between two heartbeats.

    Args:
        limit: Seconds of silence after which a worker hangs; several heartbeats fit, so one may be late.
    """
    return min(1.0, limit / 5) if limit else 1.0


class HeartbeatSender:
    """A worker's end of the pipe. From any thread; it does not wait for a supervisor that does not read.

    Args:
        descriptor: Of the pipe, for writing.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    def send(self, state: str, detail: str = "") -> None:
        """Send one line.

        Args:
            state: ready, alive, hanging, loading, loaded or stopping.
            detail: What hangs.
        """
        line = json.dumps([state, detail[:1000]]).encode() + b"\n"  # short enough for a pipe to take it as a whole
        with contextlib.suppress(OSError):  # the pipe is full, or the supervisor is gone
            os.write(self._descriptor, line)


@dataclass(slots=True)
class HeartbeatMonitor:
    """What a supervisor has heard of a worker; `check` says why the worker should end, if it should.

    The silence is added up from check to check, not measured by the clock: while both processes were stopped, or the
    machine slept, nothing was missed. A worker is not judged before it is ready, as a start may take long.

    Attributes:
        limit: Seconds of silence; 0 for no limit.
        is_ready: Set once the worker answers.
        is_patient: Whether it loads models or stops, so that it may be silent for longer.
        hanging: Which computation hangs, or empty.
        silence: Seconds since its last line.
    """

    limit: float
    is_ready: threading.Event = field(default_factory=threading.Event)
    is_patient: bool = False
    hanging: str = ""
    silence: float = 0.0

    def receive(self, line: bytes) -> None:
        """A line from the worker; one that is not a heartbeat, such as a library's output, is ignored."""
        try:
            state, detail = json.loads(line)
        except (ValueError, TypeError):
            return
        self.silence = 0.0
        self.hanging = str(detail) if state == "hanging" else ""
        if state == "ready":
            self.is_ready.set()
        elif state in ("loading", "loaded", "stopping"):
            self.is_patient = state != "loaded"

    def check(self, elapsed: float) -> tuple[str, str]:
        """Whether the worker should end.

        Args:
            elapsed: Seconds since the last check.

        Returns:
            The reason, silent or hanging, and a sentence about it; two empty texts where it is fine.
        """
        if not self.limit or not self.is_ready.is_set():
            return "", ""
        self.silence += elapsed
        if self.hanging:
            return "hanging", self.hanging
        if self.silence > self.limit * (_PATIENCE if self.is_patient else 1):
            return "silent", f"no sign of life for {self.silence:.1f} s"
        return "", ""
