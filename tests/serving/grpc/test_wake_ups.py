"""The bytes with which the grpc library wakes the event loop."""

import asyncio
import contextlib
import socket

import pytest

from netwright.serving.grpc.wake_ups import reads_all_wake_ups


def test_whoever_reads_a_byte_at_a_time_is_called_once_for_all_that_came() -> None:
    read: list[bytes] = []

    async def run() -> int:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with contextlib.closing(ours), contextlib.closing(theirs):
            loop = asyncio.get_running_loop()
            with reads_all_wake_ups(loop):
                loop.add_reader(ours, lambda: read.append(ours.recv(1)))
            for _ in range(200):
                theirs.send(b"x")
            for _ in range(3):
                await asyncio.sleep(0)
            theirs.send(b"y")
            for _ in range(3):
                await asyncio.sleep(0)
            loop.remove_reader(ours)
            return len(vars(loop).keys() & {"add_reader"})

    assert asyncio.run(run()) == 0  # the loop is as it was
    assert read == [b"x", b"y"]


def test_the_library_wakes_the_loop_in_the_way_that_is_known() -> None:
    grpc = pytest.importorskip("grpc")
    called: list[str] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        add = loop.add_reader

        def spy(source: object, handle: object, *args: object) -> None:
            called.append(getattr(handle, "__name__", ""))
            add(source, handle, *args)

        loop.add_reader = spy
        with reads_all_wake_ups(loop):
            server = grpc.aio.server()
        await server.stop(None)

    asyncio.run(run())
    assert called == ["_read"]
