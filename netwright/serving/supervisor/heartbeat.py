"""What a worker says to its supervisor, a line each over a pipe, and when its silence means that it hangs."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from dataclasses import dataclass, field

__all__ = ["Pulse", "Voice", "beat_seconds"]

_PATIENCE = 10  # times the limit: while models are loaded, and while it stops, its event loop may be late


def beat_seconds(limit: float) -> float:
    """Between two signs of life, so that several fit into the limit: one that is late is no silence."""
    return min(1.0, limit / 5) if limit else 1.0


class Voice:
    """A worker's end of the pipe. From any thread; a supervisor that does not read holds nobody up."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    def say(self, word: str, more: str = "") -> None:
        """word: ready, alive, hanging, loading, loaded or stopping."""
        line = json.dumps([word, more[:1000]]).encode() + b"\n"  # shorter than a pipe takes at once: never mixed
        with contextlib.suppress(OSError):  # it is full, or nobody is there
            os.write(self._descriptor, line)


@dataclass(slots=True)
class Pulse:
    """What a supervisor has heard of a worker; `look` says why the worker should end, or nothing.

    limit: seconds of silence, 0 for any. Silence is what the supervisor saw of it, look by look: where both were
    stopped, or the machine slept, nothing was missed. It is not judged before it is ready: a start takes what it takes.
    """

    limit: float
    is_ready: threading.Event = field(default_factory=threading.Event)
    is_patient: bool = False
    hanging: str = ""
    silence: float = 0.0

    def hear(self, line: bytes) -> None:
        """A line of the worker's; what is none of ours is no sign of life."""
        try:
            word, more = json.loads(line)
        except (ValueError, TypeError):
            return
        self.silence = 0.0
        self.hanging = str(more) if word == "hanging" else ""
        if word == "ready":
            self.is_ready.set()
        elif word in ("loading", "loaded", "stopping"):
            self.is_patient = word != "loaded"

    def look(self, passed: float) -> tuple[str, str]:
        """(silent or hanging, in words), or two empty texts. passed: seconds since the last look."""
        if not self.limit or not self.is_ready.is_set():
            return "", ""
        self.silence += passed
        if self.hanging:
            return "hanging", self.hanging
        if self.silence > self.limit * (_PATIENCE if self.is_patient else 1):
            return "silent", f"no sign of life for {self.silence:.1f} s"
        return "", ""
