"""The socket that several workers accept from."""

import socket
import time
from pathlib import Path

import pytest

from netwright.serving.supervisor.listening import ConnectionCounts, listen


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ConnectionCounts.create(tmp_path / "held", 3)
    return tmp_path / "held"


def test_a_worker_with_two_connections_more_is_ahead(path: Path) -> None:
    first, second = ConnectionCounts(path, 0), ConnectionCounts(path, 1)
    first.set(1)
    assert not first.is_ahead  # alone among three that have not started, and by one
    first.set(5)
    second.set(4)
    assert not first.is_ahead
    second.set(3)
    assert first.is_ahead
    assert not second.is_ahead


def test_a_worker_that_is_gone_does_not_count(path: Path) -> None:
    first, second = ConnectionCounts(path, 0), ConnectionCounts(path, 1)
    first.set(9)
    second.set(0)
    assert first.is_ahead
    ConnectionCounts.forget(path, 1)
    assert not first.is_ahead


def test_a_worker_that_is_ahead_yields_and_does_not_wait_forever(path: Path) -> None:
    other = ConnectionCounts(path, 1)
    other.set(0)
    with listen("127.0.0.1", 0) as sock:
        sock.connection_counts = ConnectionCounts(path, 0)
        sock.connection_counts.set(7)
        with socket.create_connection(sock.getsockname()):
            began = time.monotonic()
            accepted, _ = sock.accept()
            assert time.monotonic() - began >= 0.001
            accepted.close()


def test_the_queue_stays_long_whatever_asyncio_sets() -> None:
    with listen("127.0.0.1", 0) as sock:
        sock.listen(1)
        waiting = [socket.socket() for _ in range(50)]
        for each in waiting:
            each.settimeout(5)
            each.connect(sock.getsockname())  # a queue of one would leave the third without an answer
            each.close()
