"""Who begins next."""

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from netwright.serving.supervisor.process import Server
from netwright.serving.turns import CallTurns, RequestTurns

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
Serving = Callable[..., AbstractContextManager[Server]]


def test_a_flood_of_one_address_delays_another_by_a_round_or_two() -> None:
    order: list[str] = []

    async def begin(turns: RequestTurns, address: str) -> None:
        await turns.take(address)
        order.append(address)

    async def run() -> None:
        turns = RequestTurns(2)
        flood = [asyncio.create_task(begin(turns, "flood")) for _ in range(100)]
        await asyncio.sleep(0)
        assert len(order) == 2  # what one round of the loop begins
        await begin(turns, "good")
        assert order.index("good") <= 2 + 2
        await asyncio.gather(*flood)

    asyncio.run(run())
    assert order.count("flood") == 100


def test_one_that_is_alone_waits_for_nothing_and_one_that_is_canceled_takes_no_turn() -> None:
    async def run() -> None:
        turns = RequestTurns(1)
        taking = turns.take("a")
        try:
            taking.send(None)
        except StopIteration:
            pass  # it has not waited
        else:
            raise AssertionError
        gone, left = asyncio.create_task(turns.take("a")), asyncio.create_task(turns.take("a"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait_for(left, 5)
        assert not turns._waiting

    asyncio.run(run())


class Connection:
    """One with calls that wait."""

    def __init__(self, turns: CallTurns, address: str, calls: int) -> None:
        self.turns, self.address, self.calls, self.passed = turns, address, calls, 0
        self.advance()

    def advance(self) -> None:
        while self.calls and self.turns.take(self):
            self.count()

    def count(self) -> None:
        self.calls, self.passed = self.calls - 1, self.passed + 1

    def pass_on(self) -> None:
        self.count()
        self.advance()


def test_two_calls_of_an_address_pass_and_the_next_when_one_has_begun_by_turns_of_its_connections() -> None:
    turns = CallTurns(2)
    first, second = Connection(turns, "flood", 100), Connection(turns, "flood", 100)
    other = Connection(turns, "good", 1)
    assert (first.passed, second.passed, other.passed) == (2, 0, 1)
    for _ in range(4):
        turns.begun("flood")
    assert (first.passed, second.passed) == (4, 2)
    turns.leave(first)
    turns.begun("flood")
    assert (first.passed, second.passed) == (4, 3)


def test_places_come_back_when_nobody_waits() -> None:
    turns = CallTurns(2)
    one = Connection(turns, "a", 2)
    for _ in range(2):
        turns.begun("a")
    assert not turns._passed
    assert not turns._waiting
    assert Connection(turns, "a", 3).passed == 2
    assert one.passed == 2


@pytest.mark.slow
def test_health_is_answered_beside_hundreds_of_requests_at_once_whose_answers_nobody_reads(
    serving: Serving, weights: Path, ask: Ask
) -> None:
    flood = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500
    with serving(weights) as server, contextlib.ExitStack() as open_now:
        for _ in range(50):
            source = ("127.0.0.2", 0) if sys.platform == "linux" else None
            sock = socket.create_connection(("127.0.0.1", server.port), 20, source)
            open_now.enter_context(sock)
            sock.sendall(flood)
        slowest = 0.0
        for _ in range(10):
            began = time.monotonic()
            assert ask(server, "GET", "/v2/health/ready")[0] == 200
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 1  # some hundredths; every round of the loop began one of each connection before
