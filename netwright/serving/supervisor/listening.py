"""The socket that clients connect to, and how several processes share the connections."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import ServeError

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings

__all__ = ["ConnectionCounts", "ListeningSocket", "accepted_at_once", "listen", "listen_for", "port_of"]

_ACCEPTED_AT_ONCE = 16  # connections, by an event loop that wakes up
_BACKLOG = 1024  # connections that wait to be accepted
_YIELD_SECONDS = 0.001  # in which a worker with fewer connections may take the next


class ConnectionCounts:
    """How many connections each worker has, in a file that all workers map. Each writes its own count only.

    Args:
        path: Of the file, which `create` made.
        place: Of this worker.
    """

    def __init__(self, path: Path, place: int) -> None:
        self._counts = np.memmap(path, dtype=np.int32, mode="r+")
        self._place = place

    @staticmethod
    def create(path: Path, workers: int) -> None:
        """Make the file; no worker counts yet."""
        np.full(workers, -1, dtype=np.int32).tofile(path)

    @staticmethod
    def forget(path: Path, place: int) -> None:
        """Leave a worker out until it counts again."""
        ConnectionCounts(path, place).set(-1)

    def set(self, count: int) -> None:
        """Write how many connections this worker has now."""
        self._counts[self._place] = count

    @property
    def is_ahead(self) -> bool:
        """Whether this worker has at least two connections more than another."""
        least = min((int(each) for each in self._counts if each >= 0), default=0)
        return int(self._counts[self._place]) > least + 1


class ListeningSocket(socket.socket):
    """A socket with a long queue. asyncio has one number for the queue's length and for how many it accepts at once.

    Attributes:
        connection_counts: Of workers that accept from the same socket, else None. Whichever wakes up first would take
            all connections of a moment, and clients keep them. So a worker that is ahead lets others go first for a
            millisecond; they may hang, so it does not wait for them.
    """

    connection_counts: ConnectionCounts | None = None

    def listen(self, backlog: int = _BACKLOG, /) -> None:
        """Listen with the long queue, whatever the argument."""
        super().listen(_BACKLOG)

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection; BlockingIOError where another worker took it, or the supervisor stops."""
        if self.connection_counts is not None and self.connection_counts.is_ahead:
            time.sleep(_YIELD_SECONDS)
        try:
            return super().accept()
        except OSError as error:
            if error.errno == errno.EINVAL:  # it was shut down, and will be closed here too
                raise BlockingIOError from error
            raise


def accepted_at_once(sock: ListeningSocket) -> int:
    """Connections that an event loop accepts when it wakes up: one where the rest is for other workers. Where there are
    none, a flood of connections would keep the others waiting for one turn of the loop each.
    """
    return 1 if sock.connection_counts is not None else _ACCEPTED_AT_ONCE


@contextlib.contextmanager
def listen_for(settings: ServeSettings) -> Iterator[ListeningSocket]:
    """The socket of HTTP, as the settings name it; a Unix socket's file is removed at the end.

    Raises:
        ServeError: Where it cannot listen there.
    """
    if not settings.uds:
        with listen(settings.host, settings.port) as sock:
            yield sock
        return
    path = Path(settings.uds)
    with _listen_on_path(path) as sock:
        try:
            yield sock
        finally:
            path.unlink(missing_ok=True)


def port_of(sock: socket.socket) -> int:
    """The port of a socket that listens; 0 for a Unix socket."""
    return 0 if sock.family == socket.AF_UNIX else int(sock.getsockname()[1])


def _listen_on_path(path: Path) -> ListeningSocket:
    sock = ListeningSocket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and not _is_used(path):
            path.unlink()  # of a server that was killed
        sock.bind(str(path))
        sock.listen()
    except OSError as error:
        sock.close()
        raise ServeError(
            f"a server listens on a Unix socket that nobody else has, and {path} cannot be one: "
            f"{error.strerror or error}. Give another --uds."
        ) from error
    sock.set_inheritable(True)
    return sock


def _is_used(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        return other.connect_ex(str(path)) == 0


def listen(host: str, port: int, *, flag: str = "--port") -> ListeningSocket:
    """A socket that listens and that child processes inherit.

    Args:
        host: An address of this machine.
        port: 0 for any that is free.
        flag: What chooses the port, for the message.

    Raises:
        ServeError: Where it cannot listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small packets at once (TCP_NODELAY) only where it sees that the protocol is TCP; otherwise every
    # answer waits 40 ms for the client's delayed acknowledgement
    sock = ListeningSocket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen()
    except OSError as error:
        sock.close()
        raise ServeError(
            f"a server listens on a free address of this machine, and {host}:{port} is not available: "
            f"{error.strerror or error}. Give another {flag}, or 0 for any."
        ) from error
    sock.set_inheritable(True)
    return sock
