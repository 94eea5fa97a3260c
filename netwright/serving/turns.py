"""Who begins next: requests and calls of all client addresses by turns, so that a flood of one delays no other."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

__all__ = ["CallTurns", "Caller", "RequestTurns"]

_MOST_BEGUN = 2  # requests, each time the event loop comes round: some milliseconds
_MOST_PASSED = 2  # calls of an address that the library of gRPC knows of and has not begun


class RequestTurns:
    """Lets requests of HTTP begin, a few each time the event loop comes round. For one event loop.

    Whatever is ready runs before the loop looks at its sockets again, so a hundred connections with requests in a row
    would otherwise make each round of it long, and an answer takes several rounds.
    """

    def __init__(self, most: int = _MOST_BEGUN) -> None:
        self._most = self._left = most
        self._is_round_awaited = False
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # of each client address; the first is next

    async def take(self, address: str) -> None:
        """Wait for the turn of a request of a client address."""
        if self._left and not self._waiting:
            self._left -= 1
            self._await_round()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address, deque()).append(turn)
        self._await_round()
        await turn

    def _await_round(self) -> None:
        if not self._is_round_awaited:
            self._is_round_awaited = True
            asyncio.get_running_loop().call_soon(self._begin_round)

    def _begin_round(self) -> None:
        self._left, self._is_round_awaited = self._most, False
        while self._left and self._waiting:
            address = next(iter(self._waiting))
            turns = self._waiting.pop(address)
            turn = turns.popleft()
            if turns:
                self._waiting[address] = turns  # behind the others
            if not turn.done():  # else it is cancelled
                turn.set_result(None)
                self._left -= 1
        if self._left < self._most:
            self._await_round()


class Caller(Protocol):
    """A connection whose calls wait. address: of its client."""

    address: str

    def pass_on(self) -> None:
        """Pass on the call that waits, whose turn it is, and whatever may follow it."""


class CallTurns:
    """Lets calls of gRPC pass to the library, a few of each client address at a time. For one event loop.

    The library begins one call after the other, in the order in which they came, and needs several rounds of the event
    loop for each: a hundred calls of one connection would keep all others waiting for seconds.
    """

    def __init__(self, most: int = _MOST_PASSED) -> None:
        self._most = most
        self._passed: dict[str, int] = {}  # calls of an address that have not begun
        self._waiting: dict[str, dict[Caller, None]] = {}  # connections of an address; the first is next

    def take(self, caller: Caller) -> bool:
        """Whether a call may pass now. If not, its connection's `pass_on` is called when it may."""
        waiting = self._waiting.get(caller.address)
        if waiting or self._passed.get(caller.address, 0) >= self._most:
            self._waiting.setdefault(caller.address, {})[caller] = None
            return False
        self._passed[caller.address] = self._passed.get(caller.address, 0) + 1
        return True

    def begun(self, address: str) -> None:
        """Note that a call that passed has begun, or never will."""
        waiting = self._waiting.get(address)
        if not waiting:
            self._give_back(address)
            return
        caller = next(iter(waiting))
        self.leave(caller)
        caller.pass_on()  # the place is its own now

    def leave(self, caller: Caller) -> None:
        """Forget a call that waits, if there is one."""
        waiting = self._waiting.get(caller.address, {})
        waiting.pop(caller, None)
        if not waiting:
            self._waiting.pop(caller.address, None)

    def _give_back(self, address: str) -> None:
        left = self._passed.get(address, 0) - 1
        if left > 0:
            self._passed[address] = left
        else:
            self._passed.pop(address, None)
