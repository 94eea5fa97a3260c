"""The socket that connections come in by, and how several processes share what comes."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import numpy as np

from netwright.errors import ServeError

__all__ = ["ACCEPTED_AT_ONCE", "Held", "Listening", "listen"]

ACCEPTED_AT_ONCE = 1  # connections, by an event loop that wakes up: what is left is for the other workers
_BACKLOG = 1024  # connections that wait to be accepted
_GIVE_WAY = 0.001  # seconds in which a worker that holds fewer connections may take the next


class Held:
    """How many connections each worker holds, in a file that all map. Each writes its own number only.

    path: made by `create`; place: of this worker.
    """

    def __init__(self, path: Path, place: int) -> None:
        self._counts = np.memmap(path, dtype=np.int32, mode="r+")
        self._place = place

    @staticmethod
    def create(path: Path, workers: int) -> None:
        """A file that says of none of the workers that it is there."""
        np.full(workers, -1, dtype=np.int32).tofile(path)

    @staticmethod
    def forget(path: Path, place: int) -> None:
        """That worker is there no more, until it counts again."""
        Held(path, place).count(-1)

    def count(self, held: int) -> None:
        """What this worker holds now."""
        self._counts[self._place] = held

    @property
    def is_ahead(self) -> bool:
        """Whether another worker holds fewer, by more than one."""
        least = min((int(each) for each in self._counts if each >= 0), default=0)
        return int(self._counts[self._place]) > least + 1


class Listening(socket.socket):
    """A socket whose queue is long. asyncio has one number for the queue and for how much of it is taken at once.

    held: of workers that accept from one socket. Whichever wakes up first would take all that comes in a moment, and
    clients keep their connections: so one that is ahead lets the others go first. They may hang, so it does not wait
    for them.
    """

    held: Held | None = None

    def listen(self, backlog: int = _BACKLOG, /) -> None:
        """As long as it should be, whatever is asked."""
        super().listen(_BACKLOG)

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection; BlockingIOError where another worker took it."""
        if self.held is not None and self.held.is_ahead:
            time.sleep(_GIVE_WAY)
        return super().accept()


def listen(host: str, port: int) -> Listening:
    """A socket that listens. ServeError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small packets at once (TCP_NODELAY) only where it sees that the protocol is TCP: without it every
    # answer waits 40 ms for the client's delayed acknowledgement
    found = Listening(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen()
    except OSError as error:
        found.close()
        raise ServeError(
            f"a server listens on an address of this machine that is free, and {host}:{port} cannot be had: "
            f"{error.strerror or error}. Give another --port, or 0 for any."
        ) from error
    found.set_inheritable(True)
    return found
