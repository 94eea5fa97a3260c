"""Which sockets an event loop serves first, when many are ready at once."""

from __future__ import annotations

import selectors
import socket
from collections import Counter
from dataclasses import dataclass
from typing import Any

__all__ = ["FairSelector"]

# connections, each time the event loop comes round. Reading one takes half a millisecond where other threads compute,
# as the interpreter goes to them meanwhile; an answer takes several rounds
_MOST_CONNECTIONS = 16

_Event = tuple[selectors.SelectorKey, int]


class FairSelector(selectors.DefaultSelector):
    """Has an event loop serve a few connections each time it comes round: those of all client addresses by turns, of an
    address new ones first, then those that it has not served for longest. The others are ready still when it looks
    again. What listens, and what wakes the loop, is always served.

    A plain selector gives all that is ready, so two hundred clients that send at once make each round of the loop a
    tenth of a second long, and whoever asks for health waits for several rounds.

    Args:
        most: Connections in a round.
    """

    def __init__(self, most: int = _MOST_CONNECTIONS) -> None:
        super().__init__()
        self._most = most
        self._round = 0
        self._connections: dict[int, _Connection] = {}  # by their file descriptors

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a socket, as any selector does."""
        key = super().register(fileobj, events, data)
        address = _client_of(key.fd)
        if address is not None:
            self._connections[key.fd] = _Connection(address)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch a socket no longer."""
        key = super().unregister(fileobj)
        self._connections.pop(key.fd, None)
        return key

    def select(self, timeout: float | None = None) -> list[_Event]:
        """The sockets that the loop is to serve now, of those that are ready."""
        ready = super().select(timeout)
        self._round += 1
        served = [event for event in ready if event[0].fd in self._connections]
        if len(served) > self._most:
            own = [event for event in ready if event[0].fd not in self._connections]
            served = self._by_turns(served)[: self._most]
            ready = own + served
        for key, _ in served:
            self._connections[key.fd].served = self._round
        return ready

    def _by_turns(self, events: list[_Event]) -> list[_Event]:
        """In the order in which they are to be served."""
        events = sorted(events, key=lambda event: self._connections[event[0].fd].served)
        before = Counter[str]()  # events of each address
        turns = []
        for event in events:
            address = self._connections[event[0].fd].address
            turns.append((before[address], event))
            before[address] += 1
        return [event for _, event in sorted(turns, key=lambda turn: turn[0])]


@dataclass(slots=True)
class _Connection:
    address: str
    served: int = 0  # the round in which it was served last


def _client_of(fd: int) -> str | None:
    """The address of the client at the other end of a socket; None for one that listens, or of a pair by which a
    program wakes itself.
    """
    try:
        sock = socket.socket(fileno=fd)
    except OSError:  # no socket
        return None
    try:
        if not sock.getsockname():  # of a pair
            return None
        peer = sock.getpeername()
    except OSError:  # it listens, or its client is gone
        return None
    finally:
        sock.detach()
    return str(peer[0]) if isinstance(peer, tuple) else ""  # whoever comes over a Unix socket has no address
