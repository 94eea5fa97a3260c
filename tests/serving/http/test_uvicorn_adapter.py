"""The protocol, byte by byte: whatever a client sends, it is answered or closed in time, and the next is served."""

import ast
import asyncio
import contextlib
import http.client
import inspect
import socket
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from packaging.requirements import Requirement

from netwright.serving.http import uvicorn_adapter
from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
Serving = Callable[..., AbstractContextManager[Server]]
SlowDown = Callable[[Server, threading.Event], threading.Event]
Until = Callable[[Callable[[], bool]], None]

_CLOSE = b"Host: localhost\r\nConnection: close\r\n"
_GET = b"GET /v2/health/live HTTP/1.1\r\n"
_POST = b"POST /predict HTTP/1.1\r\n"
_CHUNKED = _POST + _CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
_UPGRADE = b"Host: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


@pytest.fixture(scope="module")
def hasty(serving: Serving, weights: Path) -> Iterator[Server]:
    """Gives clients half a second for what others have ten seconds for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn_adapter, "_HEAD_SECONDS", 0.5)
        patch.setattr(uvicorn_adapter, "_READ_SECONDS", 0.5)
        with serving(weights, max_body=1 << 20, body_timeout=0.5) as server:
            yield server


def talk(server: Server, *pieces: bytes, timeout: float = 5.0) -> tuple[list[int], list[bytes], float]:
    """Statuses and bodies until the server closes the connection, and the seconds to there. TimeoutError: it hangs."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may close before it has all
            for piece in pieces:
                connection.sendall(piece)
        statuses, bodies = [], []
        with connection.makefile("rb") as file:
            while True:
                answer = http.client.HTTPResponse(_Kept(file))  # type: ignore[arg-type]
                try:
                    answer.begin()
                    bodies.append(answer.read())
                except (http.client.BadStatusLine, ConnectionResetError):
                    break
                statuses.append(answer.status)
    return statuses, bodies, time.monotonic() - began


class _Kept:
    """A socket of which several answers are read: what one reads ahead is not lost to the next."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def makefile(self, mode: str) -> Any:
        return _Open(self._file)


class _Open:
    def __init__(self, file: Any) -> None:
        self.readline, self.read, self.readinto = file.readline, file.read, file.readinto

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def is_well(ask: Ask, server: Server, photo: bytes) -> bool:
    return ask(server, "POST", "/predict", photo, timeout=5)[0] == 200


def drain(connection: socket.socket, pause: float = 0.0) -> int:
    """Bytes that come until the connection is closed in order."""
    received = 0
    while got := len(connection.recv(1 << 16)):
        received += got
        time.sleep(pause)
    return received


def drip(connection: socket.socket, drop: bytes) -> None:
    """The same again and again, for 4 seconds at most."""
    for _ in range(80):
        connection.sendall(drop)
        time.sleep(0.05)


def length(size: int) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % size


# what is sent -> the statuses of the answers, in their order, before the connection is closed
HEADS = {
    "a good one": ([_GET + _CLOSE + b"\r\n"], [200]),
    "HTTP/1.0": ([b"GET /v2/health/live HTTP/1.0\r\n\r\n"], [200]),
    "HTTP/2": ([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], [400]),
    "TLS": ([bytes.fromhex("16030100f8010000f40303") + b"x" * 200], [400]),
    "a method in small letters": ([b"get / HTTP/1.1\r\n" + _CLOSE + b"\r\n"], [400]),
    "a method of its own": ([b"BREW / HTTP/1.1\r\n" + _CLOSE + b"\r\n"], [400]),
    "CONNECT": ([b"CONNECT x:443 HTTP/1.1\r\n" + _CLOSE + b"\r\n"], [400]),
    "OPTIONS *": ([b"OPTIONS * HTTP/1.1\r\n" + _CLOSE + b"\r\n"], [404]),
    "TRACE": ([b"TRACE /v2 HTTP/1.1\r\n" + _CLOSE + b"\r\n"], [405]),
    "a whole address": ([b"GET http://other/v2/health/live HTTP/1.1\r\n" + _CLOSE + b"\r\n"], [200]),
    "a whole address that is none": ([b"GET http://[::1/v2 HTTP/1.1\r\n" + _CLOSE + b"\r\n"], [400]),
    "a host that is none": ([b"GET /none HTTP/1.1\r\nHost: [y\r\nConnection: close\r\n\r\n"], [421]),
    "an upgrade": ([_GET + _UPGRADE + b"\r\n" + _GET + _CLOSE + b"\r\n"], [200, 200]),
    "empty lines first": ([b"\r\n\r\n" + _GET + _CLOSE + b"\r\n"], [200]),
    "bare line feeds": ([_GET.replace(b"\r", b"") + b"Host: localhost\n\n"], [400]),
    "a folded header": ([_GET + b"X: a\r\n b\r\n" + _CLOSE + b"\r\n"], [400]),
    "NUL in a header": ([_GET + b"X: a\0b\r\n" + _CLOSE + b"\r\n"], [400]),
    "NUL in the path": ([b"GET /v2\0 HTTP/1.1\r\n" + _CLOSE + b"\r\n"], [400]),
    "raw UTF-8 in the path": ("GET /v2/models/é HTTP/1.1\r\n".encode() + _CLOSE + b"\r\n", [400]),
    "a header of 60 KB": ([_GET + b"X: " + b"a" * 60_000 + b"\r\n" + _CLOSE + b"\r\n"], [200]),
    "a header of 70 KB": ([_GET + b"X: " + b"a" * 70_000 + b"\r\n" + _CLOSE + b"\r\n"], [431]),
    "a header of 1 MB": ([_GET + b"X: ", *[b"a" * 10_000] * 100], [431]),
    "a path of 1 MB": ([b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n"], [431]),
    "90 headers": ([_GET + b"X: y\r\n" * 90 + _CLOSE + b"\r\n"], [200]),
    "110 headers": ([_GET + b"X: y\r\n" * 110 + _CLOSE + b"\r\n"], [431]),
    "100,000 headers": ([_GET, *[b"X: y\r\n" * 1000] * 100, b"\r\n"], [431]),
}
BODIES = {
    "two lengths": ([_POST + _CLOSE + b"Content-Length: 3\r\n" + length(3) + b"abc"], [400]),
    "two lengths that differ": ([_POST + _CLOSE + b"Content-Length: 9\r\n" + length(3) + b"abc"], [400]),
    "a length and chunks": ([_POST + _CLOSE + b"Transfer-Encoding: chunked\r\n" + length(5) + b"0\r\n\r\n"], [400]),
    "chunks and a length": ([_CHUNKED[:-2] + length(5) + b"0\r\n\r\n"], [400]),
    "a space before the colon": ([_POST + _CLOSE + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"], [400]),
    "xchunked": ([_POST + _CLOSE + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"], [400]),
    "chunked, gzip": ([_POST + _CLOSE + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"], [400]),
    "a length of -1": ([_POST + _CLOSE + length(-1)], [400]),
    "a length of +5": ([_POST + _CLOSE + b"Content-Length: +5\r\n\r\nabcde"], [400]),
    "a length of 10^23": ([_POST + _CLOSE + length(10**23)], [400]),
    "a length of 2^62": ([_POST + _CLOSE + length(2**62) + b"abc"], [413]),
    "a chunk of zz bytes": ([_CHUNKED + b"zz\r\nabc\r\n"], [400]),
    "a chunk of -1 bytes": ([_CHUNKED + b"-1\r\nabc\r\n"], [400]),
    "a chunk of 2^72 bytes": ([_CHUNKED + b"ffffffffffffffffff\r\nabc\r\n"], [400]),
    "a chunk that is longer": ([_CHUNKED + b"2\r\nabc\r\n0\r\n\r\n"], [400]),
    "a chunk that is shorter": ([_CHUNKED + b"4\r\nabc\r\n0\r\n\r\n"], [400]),
    "chunks without end": ([_CHUNKED, *[b"10000\r\n" + b"x" * 0x10000 + b"\r\n"] * 17], [413]),
    "headers after the chunks": ([_CHUNKED + b"3\r\nabc\r\n0\r\n" + b"X: y\r\n" * 20_000], [431]),
    "less than its length": ([_POST + _CLOSE + length(10) + b"abc"], [408]),
    "a byte beyond its length": ([_POST + b"Host: localhost\r\n" + length(3) + b"abc!\r\n\r\n"], [422]),
    "too large": ([_POST + _CLOSE + length((1 << 20) + 1), b"x" * ((1 << 20) + 1)], [413]),
    "nobody asked for it": ([b"GET /v2/health/live HTTP/1.1\r\n" + _CLOSE + length(200_000), b"x" * 200_000], [200]),
    "a request inside a request": (
        [_POST + b"Host: localhost\r\n" + length(len(_GET)) + _GET, _GET + _CLOSE + b"\r\n"],
        [422, 200],
    ),
    "garbage after good ones": ([(_GET + b"Host: localhost\r\n\r\n") * 3 + b"\0\1\2\r\n\r\n"], [200, 200, 200]),
    "Expect, and no body": ([b"POST /none HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" + length(9)], [404]),
}


@pytest.mark.slow
@pytest.mark.parametrize(("pieces", "expected"), [*HEADS.values(), *BODIES.values()], ids=[*HEADS, *BODIES])
def test_whatever_comes_is_answered_and_closed(
    ask: Ask, hasty: Server, photo: bytes, pieces: list[bytes] | bytes, expected: list[int]
) -> None:
    statuses, bodies, seconds = talk(hasty, *([pieces] if isinstance(pieces, bytes) else pieces))
    assert statuses == expected
    assert seconds < 3
    for status, body in zip(statuses, bodies, strict=True):
        assert status == 200 or b'"error' in body
    assert is_well(ask, hasty, photo)


def test_an_upgrade_that_is_not_taken_keeps_its_body(hasty: Server, photo: bytes) -> None:
    # Java's own client asks for HTTP/2 so, with the first body that it sends
    whole = _POST + _UPGRADE + length(len(photo)) + photo
    for pieces in ([whole], [whole[:-100], whole[-100:]], [whole[:200], whole[200:400], whole[400:]]):
        assert talk(hasty, *pieces, _GET + _CLOSE + b"\r\n")[0] == [200, 200]


def test_pipelined_requests_are_answered_in_their_order(hasty: Server, photo: bytes) -> None:
    one = _POST + b"Host: localhost\r\n" + length(len(photo)) + photo
    statuses, _, _ = talk(hasty, (one + b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n") * 20, _GET + _CLOSE + b"\r\n")
    assert statuses == [200, 404] * 20 + [200]


def test_expect_is_told_to_continue(hasty: Server, photo: bytes) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=5) as connection:
        connection.sendall(_POST + _CLOSE + b"Expect: 100-continue\r\n" + length(len(photo)))
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(photo)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


@pytest.mark.slow
@pytest.mark.parametrize("before", [b"", _GET + b"Host: localhost\r\n\r\n"], ids=["first", "second"])
@pytest.mark.parametrize("drop", [b"G", b"\r\n"], ids=["a byte", "an empty line"])
def test_a_head_that_comes_a_byte_a_while_is_given_up(
    ask: Ask, hasty: Server, photo: bytes, before: bytes, drop: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=5) as connection:
        connection.sendall(before)
        if before:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            drip(connection, drop)
        assert time.monotonic() - began < 3
    assert is_well(ask, hasty, photo)


@pytest.mark.slow
def test_silence_is_given_up(hasty: Server) -> None:
    assert talk(hasty)[2] < 2
    assert talk(hasty, b"POST /predict HTTP/1.1\r\nHost")[2] < 2


@pytest.mark.slow
def test_a_body_that_comes_a_byte_a_while_is_refused(ask: Ask, hasty: Server, photo: bytes) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=5) as connection:
        connection.sendall(_POST + b"Host: localhost\r\n" + length(len(photo)))
        for letter in photo[:20]:
            connection.sendall(bytes([letter]))
            time.sleep(0.05)
        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")
        # and what still comes is thrown away, but not forever
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            drip(connection, b"x")
        assert time.monotonic() - began < 3
    assert is_well(ask, hasty, photo)


def test_a_body_whose_rest_never_comes_is_released(hasty: Server, photo: bytes, until: Until) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=5) as connection:
        connection.sendall(_POST + b"Host: localhost\r\n" + length(len(photo)) + photo[:100])
        until(lambda: hasty._state.limits.bytes == 100)
    until(lambda: hasty._state.limits.requests == hasty._state.limits.bytes == 0)


@pytest.mark.slow
def test_a_client_that_reads_nothing_is_disconnected(
    ask: Ask, serving: Serving, weights: Path, photo: bytes, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn_adapter, "_READ_SECONDS", 0.3)
    monkeypatch.setattr(uvicorn_adapter, "_HEAD_SECONDS", 0.3)
    lost, whole = list[object](), uvicorn_adapter._Protocol.connection_lost

    def note(self: Any, error: Exception | None) -> None:
        lost.append(self)
        whole(self, error)

    monkeypatch.setattr(uvicorn_adapter._Protocol, "connection_lost", note)
    with serving(weights) as server, socket.socket() as stuck, socket.socket() as closing:
        for connection, last in ((stuck, b"Host: localhost\r\n"), (closing, _CLOSE)):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            # more pages than the system keeps for a client
            connection.sendall(
                b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 999 + b"GET / HTTP/1.1\r\n" + last + b"\r\n"
            )
        until(lambda: len(lost) == 2)
        assert is_well(ask, server, photo)


@pytest.mark.slow
def test_a_slow_reader_gets_it_all(serving: Serving, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_adapter, "_READ_SECONDS", 1.0)
    with serving(weights) as server, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.settimeout(5)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1999 + b"GET / HTTP/1.1\r\n" + _CLOSE + b"\r\n"
        )
        assert drain(connection, 0.01) > 2000 * 7000


def test_clients_that_disconnect_while_they_wait_leave_nothing(
    ask: Ask, serving: Serving, weights: Path, photo: bytes, slow_down: SlowDown, until: Until
) -> None:
    go = threading.Event()
    with serving(weights, max_batch=1) as server:
        limits, batcher = server._state.limits, server._state.service.repository.get("").batcher
        has_begun = slow_down(server, go)
        connections = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(20)]
        for each in connections:
            each.sendall(_POST + b"Host: localhost\r\n" + length(len(photo)) + photo)
        assert has_begun.wait(5)
        until(lambda: batcher.waiting == 19)
        for each in connections:
            each.close()
        until(lambda: limits.requests == limits.bytes == 0)
        go.set()
        assert is_well(ask, server, photo)


def uvicorn_objects() -> dict[str, Any]:
    """The objects of PRIVATE_NAMES: classes, and instances as they are once a request has begun."""
    import uvicorn
    from uvicorn.protocols.http import httptools_impl
    from uvicorn.server import ServerState

    async def make() -> Any:
        connection = httptools_impl.HttpToolsProtocol(uvicorn.Config(lambda: None, ws="none"), ServerState(), {})
        connection.on_message_begin()
        return connection

    cycle = inspect.signature(httptools_impl.RequestResponseCycle).parameters
    return {
        "HttpToolsProtocol": httptools_impl.HttpToolsProtocol,
        "HttpToolsProtocol()": asyncio.run(make()),
        "RequestResponseCycle()": httptools_impl.RequestResponseCycle(**{name: MagicMock() for name in cycle}),
        "Server": uvicorn.Server,
        "Server()": uvicorn.Server(uvicorn.Config(lambda: None, ws="none")),
    }


@pytest.mark.parametrize("owner", uvicorn_adapter.PRIVATE_NAMES)
def test_uvicorn_still_has_the_private_names_that_are_used(owner: str) -> None:
    there = uvicorn_objects()[owner]
    missing = [name for name in uvicorn_adapter.PRIVATE_NAMES[owner] if not hasattr(there, name)]
    assert not missing, (
        f"uvicorn {metadata.version('uvicorn')} has no {owner}.{', '.join(missing)}: adapt http/uvicorn_adapter.py, or "
        "lower the bound on uvicorn in pyproject.toml"
    )


def test_the_private_names_are_all_that_the_adapter_uses() -> None:
    source = ast.parse(Path(uvicorn_adapter.__file__).read_text(encoding="utf-8"))
    protocol = next(each for each in source.body if isinstance(each, ast.ClassDef) and each.name == "_Protocol")
    methods = {each.name for each in protocol.body if isinstance(each, ast.FunctionDef)}
    used: dict[str, set[str]] = {"self": set(), "super": set(), "cycle": set()}
    ours = {"kept", "address", "active", "is_spare", "abort"}  # what serving.connections asks of a connection
    own = set(ours)
    for node in ast.walk(protocol):
        if isinstance(node, ast.Attribute):
            owner = node.value.func if isinstance(node.value, ast.Call) else node.value
            if isinstance(owner, ast.Name) and owner.id in used:
                used[owner.id].add(node.attr)
                if isinstance(node.ctx, ast.Store) and node.attr.startswith("_"):
                    own.add(node.attr)
    names = {key: set(value) for key, value in uvicorn_adapter.PRIVATE_NAMES.items()}
    inherited = {name for name in methods if not name.startswith("_")} - ours
    listed = names["HttpToolsProtocol"] | names["HttpToolsProtocol()"]
    assert (used["self"] | used["super"] | inherited) - own - {
        name for name in methods if name not in inherited
    } == listed
    assert used["cycle"] == names["RequestResponseCycle()"]


def test_the_installed_uvicorn_is_one_that_was_tested() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [bound] = [each for each in map(Requirement, project["optional-dependencies"]["serve"]) if each.name == "uvicorn"]
    assert any(each.operator.startswith("<") for each in bound.specifier), "private classes change: bound it above"
    assert metadata.version("uvicorn") in bound.specifier, "run these tests with it, then move the bound"
