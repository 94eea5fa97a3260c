"""A client of HTTP/2 by hand: it begins what no library begins."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from typing import Any

import pytest

DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8


class RawClient:
    """A connection whose streams begin and are never finished.

    Attributes:
        is_open: Whether the server still has the connection.
        ended: Streams that the server has ended.
        sent: Bytes of messages.
    """

    def __init__(self, port: int) -> None:
        self.is_open, self.ended, self.sent, self.next = True, set[int](), 0, 1
        self._initial, self._whole = 65535, 65535
        self._windows: Counter[int] = Counter()
        self._changed = threading.Condition()
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))
        threading.Thread(target=self._read, daemon=True).start()

    def begin(self, method: str, **metadata: str) -> int:
        """The head of a call."""
        path = f"/inference.GRPCInferenceService/{method}" if "/" not in method else method
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
        fields |= {"content-type": "application/grpc"} | metadata
        block = b"".join(b"\0" + text(name) + text(value) for name, value in fields.items())
        stream, self.next = self.next, self.next + 2
        self._windows[stream] = 0
        self._send(frame(HEADERS, 0x4, stream, block))
        return stream

    def announce(self, stream: int, size: int) -> None:
        """The length of a message that is never complete."""
        self._data(stream, b"\0" + struct.pack(">I", size))

    def fill(self, seconds: float, is_done: threading.Event | None = None) -> None:
        """Send what the server lets, on all streams, for so long at most."""
        end = time.monotonic() + seconds
        while self.is_open and time.monotonic() < end and not (is_done and is_done.is_set()):
            sent = [self._data(stream, bytes(16384)) for stream in list(self._windows)]
            if not any(sent):
                with self._changed:
                    self._changed.wait(0.05)

    def ping(self) -> None:
        self._send(frame(PING, 0, 0, bytes(8)))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _data(self, stream: int, data: bytes) -> bool:
        with self._changed:  # the thread that reads widens the windows meanwhile
            if stream in self.ended or min(self._whole, self._initial + self._windows[stream]) < len(data):
                return False
            self._whole -= len(data)
            self._windows[stream] -= len(data)
            self.sent += len(data)
        return self._send(frame(DATA, 0, stream, data))

    def _send(self, data: bytes) -> bool:
        try:
            self._sock.sendall(data)
        except OSError:
            self.is_open = False
        return self.is_open

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, struct.error):
            file = self._sock.makefile("rb")
            while head := file.read(9):
                kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
                payload = file.read(int.from_bytes(head[:3], "big"))
                self._note(kind, flags, stream, payload)
        self.is_open = False

    def _note(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == WINDOW:
            more = struct.unpack(">I", payload)[0]
            with self._changed:
                if stream:
                    self._windows[stream] += more
                else:
                    self._whole += more
        elif kind == SETTINGS and not flags:
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at : at + 6])
                self._initial = value if key == 4 else self._initial
            self._send(frame(SETTINGS, 1, 0))
        elif kind == PING and not flags:
            self._send(frame(PING, 1, 0, payload))
        elif kind == RESET or (kind in (DATA, HEADERS) and flags & 1):
            self.ended.add(stream)
        elif kind == GOAWAY:
            self.is_open = False
        with self._changed:
            self._changed.notify_all()


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(value: str) -> bytes:
    assert len(value) < 127
    return bytes([len(value)]) + value.encode()


@pytest.fixture
def raw() -> Any:
    """Connects to a port; all are closed at the end."""
    made: list[RawClient] = []

    def connect(port: int) -> RawClient:
        made.append(RawClient(port))
        return made[-1]

    yield connect
    for each in made:
        each.close()
