"""Clients of gRPC that begin and do not finish, send too much, or ask too often."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.serving.supervisor.process import Server

grpcio = pytest.importorskip("grpc")
grpc = pytest.importorskip("tritonclient.grpc")

Serving = Callable[..., AbstractContextManager[Server]]
Until = Callable[..., None]
_MIB = 1 << 20


@pytest.fixture
def small(serving: Serving, weights: Path) -> Iterator[Server]:
    with serving(weights, grpc_port=0, max_body=8 * _MIB, max_bytes=32 * _MIB, max_requests=16) as server:
        yield server


def infer(server: Server, size: int = 1, **more: Any) -> None:
    pixels = np.zeros((size, 16, 16, 3), dtype=np.uint8)
    client = grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
    made = grpc.InferInput("pixels", pixels.shape, "UINT8")
    made.set_data_from_numpy(pixels)
    try:
        assert client.is_server_ready()
        client.infer("tiny", [made], client_timeout=10, **more)
    finally:
        client.close()


@pytest.mark.slow
def test_messages_that_never_end_are_held_within_the_limit_and_others_are_answered(
    small: Server, raw: Callable[[int], Any], memory: Callable[[float], AbstractContextManager[None]]
) -> None:
    infer(small)
    with memory(32 + 48):
        clients = [raw(small.grpc_port) for _ in range(4)]
        for client in clients:
            for _ in range(8):
                client.announce(client.begin("ModelInfer"), 8 * _MIB - 100)
        time.sleep(0.1)  # a request has its place to itself for its first moment
        is_done = threading.Event()  # not after some seconds: how much is sent in them depends on the machine
        filling = [threading.Thread(target=client.fill, args=(60.0, is_done)) for client in clients]
        for thread in filling:
            thread.start()
        slowest = 0.0
        while any(thread.is_alive() for thread in filling):
            began = time.monotonic()
            infer(small, 100)
            slowest = max(slowest, time.monotonic() - began)
            if sum(client.sent for client in clients) > 32 * _MIB and not all(client.is_open for client in clients):
                is_done.set()
        assert is_done.is_set()
        assert slowest < 3


@pytest.mark.slow
def test_heads_without_a_message_keep_nobody_out(small: Server, raw: Callable[[int], Any]) -> None:
    client = raw(small.grpc_port)
    for _ in range(300):  # no more than 16 at once are accepted of one connection
        client.begin("ModelInfer")
    others = [raw(small.grpc_port) for _ in range(4)]
    for method in ("ModelInfer", "ModelStreamInfer", "ServerReady", "/grpc.health.v1.Health/Check"):
        for each in others:
            for _ in range(4):
                each.begin(method)
        time.sleep(0.1)
        infer(small)
    assert small._state.limits.requests <= 16


@pytest.mark.slow
def test_no_more_than_two_calls_of_an_address_wait_in_the_library(
    serving: Serving, weights: Path, raw: Callable[[int], Any], until: Until
) -> None:
    with serving(weights, grpc_port=0) as server:
        listener, most = server._rpc._listener, 0
        clients = [raw(server.grpc_port) for _ in range(3)]
        for client in clients:
            for _ in range(100):
                client.begin("ServerReady")
        done = time.monotonic() + 20
        while not all(len(each.ended) == 100 for each in clients):  # each, as its message does not follow
            most = max(most, *listener.turns._passed.values(), 0)
            assert time.monotonic() < done
        assert most == 2
        until(lambda: not listener.turns._passed)
        assert not listener.turns._waiting
        infer(server)


@pytest.mark.slow
def test_the_head_of_a_call_takes_no_turn_before_it_is_complete_and_is_in_one_frame(
    serving: Serving, weights: Path, raw: Callable[[int], Any], until: Until
) -> None:
    with serving(weights, grpc_port=0) as server:
        turns = server._rpc._listener.turns
        parts = [raw(server.grpc_port) for _ in range(4)]
        for client in parts:
            client.write(b"\0\0\x40" + bytes([1, 4]) + (1).to_bytes(4) + b"\0")  # 64 bytes, of which one comes
        infer(server)
        assert all(client.is_open for client in parts)
        until(lambda: not turns._passed)
        several, huge = raw(server.grpc_port), raw(server.grpc_port)
        several.write(b"\0\0\x01" + bytes([1, 0]) + (1).to_bytes(4) + b"\0")
        huge.write(b"\1\0\0" + bytes([1, 4]) + (1).to_bytes(4) + b"\0")
        until(lambda: not several.is_open and not huge.is_open)
        infer(server)


@pytest.mark.slow
def test_a_message_is_given_its_time(serving: Serving, weights: Path, raw: Callable[[int], Any], until: Until) -> None:
    with serving(weights, grpc_port=0, body_timeout=0.5) as server:
        client = raw(server.grpc_port)
        stream = client.begin("ModelInfer")
        client.announce(stream, _MIB)
        until(lambda: server._state.limits.requests == 1)
        until(lambda: stream in client.ended)
        until(lambda: not server._state.limits.requests and not server._state.limits.bytes)
        infer(server)


@pytest.mark.slow
def test_without_the_token_nothing_of_a_message_is_taken(
    serving: Serving, weights: Path, raw: Callable[[int], Any], until: Until
) -> None:
    with serving(weights, grpc_port=0, token="s3cret") as server:
        client = raw(server.grpc_port)
        streams = [client.begin("ModelInfer", authorization="Bearer other") for _ in range(32)]
        for stream in streams:
            client.announce(stream, 30 * _MIB)
        until(lambda: client.ended >= set(streams))
        client.fill(0.2)
        assert client.sent < _MIB
        until(lambda: not server._state.limits.bytes)
        infer(server, headers={"authorization": "bearer s3cret"})


@pytest.mark.slow
def test_pings_once_a_second_are_tolerated_and_a_flood_of_them_is_not(
    serving: Serving, weights: Path, raw: Callable[[int], Any], until: Until
) -> None:
    with serving(weights, grpc_port=0, grpc_ping=0.1) as server:
        slow, fast = raw(server.grpc_port), raw(server.grpc_port)
        for _ in range(8):
            slow.ping()
            time.sleep(0.15)
        assert slow.is_open
        for _ in range(50):
            fast.ping()
        until(lambda: not fast.is_open)


@pytest.mark.slow
def test_packed_messages_are_read_and_bombs_are_not(
    small: Server, memory: Callable[[float], AbstractContextManager[None]]
) -> None:
    for kind in ("gzip", "deflate"):
        infer(small, 100, compression_algorithm=kind)
    bomb = bytes(64 * _MIB)
    options = [("grpc.max_send_message_length", -1)]
    with grpcio.insecure_channel(f"127.0.0.1:{small.grpc_port}", options=options) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        with memory(64 + 48), pytest.raises(grpcio.RpcError, match="unpack"):  # the client's own copy is among it
            call(bomb, timeout=10, compression=grpcio.Compression.Gzip)


@pytest.mark.parametrize(
    "data",
    [
        b"\x2a\0" * (2 * _MIB),  # inputs
        b"\x3a\0" * (2 * _MIB),  # raw contents
        b"\x2a\x84\x80\x80\x02\x1a\x80\x80\x80\x02" + b"\1" * (4 * _MIB),  # a shape
        b"\x2a\x89\x80\x80\x02\x2a\x84\x80\x80\x02\x1a\x80\x80\x80\x02" + b"\1" * (4 * _MIB),  # int64_contents
    ],
    ids=["inputs", "raw", "shape", "int64"],
)
def test_small_fields_do_not_become_large_objects(
    data: bytes, small: Server, rpc: Callable[..., str], memory: Callable[[float], AbstractContextManager[None]]
) -> None:
    infer(small)
    began = time.monotonic()
    with memory(40):
        assert rpc(small, data) == "INVALID_ARGUMENT"
    assert time.monotonic() - began < 5


@pytest.mark.slow
def test_a_silent_connection_makes_room_for_a_new_one(small: Server, raw: Callable[[int], Any], until: Until) -> None:
    listener = small._rpc._listener
    listener.connections.most = 3
    silent = [raw(small.grpc_port) for _ in range(3)]
    until(lambda: len(listener.connections) == 3)
    time.sleep(1.1)
    infer(small)
    assert not all(each.is_open for each in silent)


def test_a_connection_that_says_nothing_ends(small: Server, until: Until) -> None:
    with socket.create_connection(("127.0.0.1", small.grpc_port)) as silent:
        until(lambda: len(small._rpc._listener.connections) == 1)
        [client] = small._rpc._listener.connections
        client.check(time.monotonic() + 5)
        assert not client.transport.is_closing()
        small._loop.call_soon_threadsafe(client.check, time.monotonic() + 11)
        silent.settimeout(5)
        with contextlib.suppress(ConnectionError):
            while silent.recv(1 << 16):  # the library's own greeting, and then the end
                pass
