"""The order in which an event loop serves sockets, on real ones: nothing of it depends on how long anything takes."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Iterator

import pytest

from netwright.serving.supervisor.fair_selector import FairSelector


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as sock:
        yield sock


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as each:
        yield each


def _connect(
    listening: socket.socket, stack: contextlib.ExitStack, count: int, address: str = "127.0.0.1"
) -> list[socket.socket]:
    """Connections that have sent something, as the server sees them."""
    accepted = []
    for _ in range(count):
        client = stack.enter_context(socket.create_connection(listening.getsockname(), source_address=(address, 0)))
        accepted.append(stack.enter_context(listening.accept()[0]))
        client.sendall(b"x")
        assert accepted[-1].recv(1, socket.MSG_PEEK) == b"x"  # it has arrived
    return accepted


def _chosen(selector: FairSelector) -> list[int]:
    return [key.fd for key, _ in selector.select(0)]


def test_few_connections_are_all_served(listening: socket.socket, stack: contextlib.ExitStack) -> None:
    selector = stack.enter_context(contextlib.closing(FairSelector(most=4)))
    ready = _connect(listening, stack, 4)
    for sock in ready:
        selector.register(sock.fileno(), selectors.EVENT_READ)
    assert sorted(_chosen(selector)) == sorted(sock.fileno() for sock in ready)


def test_of_many_those_come_next_that_were_not_served_for_longest(
    listening: socket.socket, stack: contextlib.ExitStack
) -> None:
    selector = stack.enter_context(contextlib.closing(FairSelector(most=4)))
    ready = _connect(listening, stack, 10)
    for sock in ready:
        selector.register(sock.fileno(), selectors.EVENT_READ)
    rounds = [_chosen(selector) for _ in range(5)]
    assert [len(each) for each in rounds] == [4] * 5
    served = [fd for each in rounds for fd in each]
    assert len({*served[:8]}) == 8
    # all once within three rounds, and nobody a third time before the fifth
    assert {*served[:12]} == {sock.fileno() for sock in ready}
    assert max(served[:16].count(fd) for fd in served) == 2


def test_a_new_connection_comes_before_old_ones(listening: socket.socket, stack: contextlib.ExitStack) -> None:
    selector = stack.enter_context(contextlib.closing(FairSelector(most=4)))
    for sock in _connect(listening, stack, 12):
        selector.register(sock.fileno(), selectors.EVENT_READ)
    for _ in range(3):
        selector.select(0)
    new = _connect(listening, stack, 1)[0]
    selector.register(new.fileno(), selectors.EVENT_READ)
    assert _chosen(selector)[0] == new.fileno()


def test_a_client_of_another_address_waits_for_none_of_a_crowd(
    listening: socket.socket, stack: contextlib.ExitStack
) -> None:
    try:
        crowd = _connect(listening, stack, 20, "127.0.0.2")
    except OSError:
        pytest.skip("this system has one loopback address")
    selector = stack.enter_context(contextlib.closing(FairSelector(most=4)))
    alone = _connect(listening, stack, 1)[0]
    for sock in [*crowd, alone]:
        selector.register(sock.fileno(), selectors.EVENT_READ)
    assert all(alone.fileno() in _chosen(selector) for _ in range(6))


def test_what_listens_and_what_wakes_the_loop_is_always_served(
    listening: socket.socket, stack: contextlib.ExitStack
) -> None:
    selector = stack.enter_context(contextlib.closing(FairSelector(most=2)))
    for sock in _connect(listening, stack, 8):
        selector.register(sock.fileno(), selectors.EVENT_READ)
    wakes, sends = (stack.enter_context(each) for each in socket.socketpair())
    sends.sendall(b"x")
    stack.enter_context(socket.create_connection(listening.getsockname()))  # waits to be accepted
    for sock in (wakes, listening):
        selector.register(sock.fileno(), selectors.EVENT_READ)
    for _ in range(5):
        chosen = _chosen(selector)
        assert {wakes.fileno(), listening.fileno()} <= set(chosen)
        assert len(chosen) == 4


def test_a_closed_connection_is_forgotten(listening: socket.socket, stack: contextlib.ExitStack) -> None:
    selector = stack.enter_context(contextlib.closing(FairSelector(most=2)))
    ready = _connect(listening, stack, 6)
    for sock in ready:
        selector.register(sock.fileno(), selectors.EVENT_READ)
    for _ in range(3):  # all are served once
        selector.select(0)
    for sock in ready[:5]:
        selector.unregister(sock.fileno())
        sock.close()
    # a new one may have the same number, and is new all the same
    new = _connect(listening, stack, 2)
    for sock in new:
        selector.register(sock.fileno(), selectors.EVENT_READ)
    assert sorted(_chosen(selector)) == sorted(sock.fileno() for sock in new)
