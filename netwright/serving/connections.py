"""The connections that a listener holds: how many of one client and of all, and which one makes room for another."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from typing import Protocol

__all__ = ["Connection", "Connections", "most_connections"]

_QUIET_SECONDS = 1.0  # of a connection, after which it makes room for a new one
_FILES_LEFT = 2  # parts of the files that the process may open: one for connections, one for the rest


class Connection(Protocol):
    """What is asked of a connection.

    Attributes:
        address: Of its client; empty over a Unix socket.
        active: When its client last said something, on the clock of time.monotonic().
        is_spare: Whether nothing that was accepted is lost with it.
    """

    address: str
    active: float

    @property
    def is_spare(self) -> bool: ...

    def abort(self) -> None: ...


class Connections:
    """All connections of a listener, for one event loop. Where there are too many, the most silent one of that client,
    or of whoever has most, is ended; where none is silent, the new one.

    Args:
        most: In all.
        most_of_address: Of one client address.
        on_change: Called with the number of connections when it changes.
    """

    def __init__(self, most: int, most_of_address: int, on_change: Callable[[int], None] = lambda count: None) -> None:
        self.most, self._most_of_address, self._on_change = most, most_of_address, on_change
        self._by_address: dict[str, dict[Connection, None]] = {}
        self._count = 0
        on_change(0)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Connection]:
        return iter([connection for each in self._by_address.values() for connection in each])

    def add(self, connection: Connection) -> None:
        """Note a new connection; this may end it, or another."""
        own = self._by_address.get(connection.address, {})
        if connection.address and len(own) >= self._most_of_address:
            _make_room(own, connection)
        elif self._count >= self.most:
            _make_room(max(self._by_address.values(), key=len), connection)
        self._by_address.setdefault(connection.address, own)[connection] = None
        self._count += 1
        self._on_change(self._count)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        own = self._by_address.get(connection.address, {})
        if connection in own:
            del own[connection]
            self._count -= 1
        if not own:
            self._by_address.pop(connection.address, None)
        self._on_change(self._count)


def _make_room(connections: dict[Connection, None], new: Connection) -> None:
    spare = min((each for each in connections if each.is_spare), key=lambda each: each.active, default=new)
    (spare if spare.active < time.monotonic() - _QUIET_SECONDS else new).abort()


def most_connections(most: int, files_each: int) -> int:
    """How many connections a listener holds in all.

    Args:
        most: At most.
        files_each: That the process opens for each.
    """
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(1, min(most, files // (_FILES_LEFT * files_each)))
