"""How the grpc library wakes the event loop: with a byte of a socket for each of its events.

It reads one byte, handles all events that there are, and leaves the other bytes: each is a round of the loop. With many
events, such as those of a flood of calls, the socket fills up, and the library's thread waits at it. All clients then
have one event a round together, which is seconds for a call. So all bytes but one are read before the library looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["reads_all_wake_ups"]

_MOST_BYTES = 4096


@contextlib.contextmanager
def reads_all_wake_ups(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Whatever socket is watched for reading on this loop meanwhile has all its bytes read but the last."""
    add_reader: Callable[..., Any] = loop.add_reader

    def add(source: Any, handle: Callable[..., Any], *args: Any) -> None:
        if not hasattr(source, "recv"):  # another way of waking than that of the versions known here
            add_reader(source, handle, *args)
            return
        add_reader(source, _read, source, handle, *args)

    vars(loop)["add_reader"] = add
    try:
        yield
    finally:
        del vars(loop)["add_reader"]


def _read(source: socket.socket, handle: Callable[..., Any], *args: Any) -> None:
    with contextlib.suppress(BlockingIOError):
        count = len(source.recv(_MOST_BYTES, socket.MSG_PEEK))
        if count > 1:
            source.recv(count - 1)
    handle(*args)
