"""Connections that are too many, without a network and over one."""

import http.client
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from netwright.serving.connections import Connections, most_connections
from netwright.serving.supervisor.process import Server


@dataclass(eq=False)
class Fake:
    address: str
    active: float = field(default_factory=time.monotonic)
    is_spare: bool = True
    is_aborted: bool = False

    def abort(self) -> None:
        self.is_aborted = True


def test_the_most_silent_of_a_client_makes_room() -> None:
    counts = list[int]()
    connections, now = Connections(100, 3, counts.append), time.monotonic()
    busy, quiet, other = Fake("a", now - 9, is_spare=False), Fake("a", now - 8), Fake("a", now - 7)
    for each in (busy, quiet, other, Fake("b", now - 99), Fake("", now - 99)):
        connections.add(each)
    new = Fake("a")
    connections.add(new)
    assert [each.is_aborted for each in (busy, quiet, other, new)] == [False, True, False, False]
    connections.remove(quiet)
    other.active = now
    last = Fake("a")
    connections.add(last)  # nobody is silent
    assert [each.is_aborted for each in (busy, other, new, last)] == [False, False, False, True]
    for each in list(connections):
        connections.remove(each)
    connections.remove(last)
    assert (len(connections), list(connections)) == (0, [])
    assert counts == [0, 1, 2, 3, 4, 5, 6, 5, 6, 5, 4, 3, 2, 1, 0, 0]


def test_of_all_whoever_has_most_makes_room_and_a_unix_socket_is_no_client() -> None:
    connections, now = Connections(4, 2), time.monotonic()
    few, many = Fake("a", now - 99), [Fake("", now - 9), Fake("", now - 8), Fake("", now - 7)]
    for each in (few, *many):
        connections.add(each)
    new = Fake("b")
    connections.add(new)
    assert [each.is_aborted for each in (few, *many, new)] == [False, True, False, False, False]


def test_connections_leave_files_for_the_rest() -> None:
    assert 1 <= most_connections(10**9, 4) < most_connections(10**9, 1)
    assert most_connections(7, 1) == 7


@pytest.mark.slow
def test_a_client_has_so_many_connections(
    serving: Callable[..., AbstractContextManager[Server]], weights: Path, until: Callable[..., None]
) -> None:
    with serving(weights, max_connections=2) as server:
        kept = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=10) for _ in range(3)]
        for each in kept[:2]:
            each.request("GET", "/v2/health/live")
            assert each.getresponse().read()
        refused = 0
        try:
            kept[2].request("GET", "/v2/health/live")
            kept[2].getresponse()
        except (ConnectionError, http.client.BadStatusLine):
            refused += 1
        assert refused == 1  # the others have just asked
        time.sleep(1.1)
        kept[1].request("GET", "/v2/health/live")
        assert kept[1].getresponse().read()
        kept[2].close()
        kept[2].request("GET", "/v2/health/live")  # in the place of the first
        assert kept[2].getresponse().read()
        for each in kept:
            each.close()
