"""A client of HTTP/2 by hand, which begins calls of gRPC and does not finish them: no library does that.

For the hostile clients of serve_hostile.py, and for the tests of gRPC, which load this file.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import Counter

__all__ = ["Streams"]

_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_WINDOW_BYTES = 65535  # before the server says otherwise
_PART_BYTES = 16384  # of a message, sent at a time
_WAIT_SECONDS = 0.05  # for the server to widen a window


class Streams:
    """A connection. It sends no more than the server's windows allow: what comes on top would end it at once.

    Args:
        address: Host and port of the server.
        source: That it comes from; None for whichever the system takes.

    Attributes:
        is_open: Whether the server still has it.
        begun: Numbers of its streams.
        ended: Those that the server has ended.
        sent: Bytes of messages.
    """

    def __init__(self, address: tuple[str, int], source: tuple[str, int] | None = None) -> None:
        self.is_open, self.begun, self.ended, self.sent = True, list[int](), set[int](), 0
        self._windows, self._initial, self._whole = Counter[int](), _WINDOW_BYTES, _WINDOW_BYTES
        self._changed = threading.Condition()
        self._sock = socket.create_connection(address, timeout=10, source_address=source)
        self._sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0))
        threading.Thread(target=self._read, daemon=True).start()

    def begin(self, method: str, **metadata: str) -> int:
        """The head of a call; returns the stream's number."""
        path = method if "/" in method else f"/inference.GRPCInferenceService/{method}"
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost", "te": "trailers"}
        fields |= {"content-type": "application/grpc"} | metadata
        block = b"".join(b"\0" + _text(name) + _text(value) for name, value in fields.items())
        stream = 2 * len(self.begun) + 1
        self.begun.append(stream)
        self.write(_frame(_HEADERS, 4, stream, block))
        return stream

    def announce(self, stream: int, size: int) -> None:
        """The length of a message that never comes."""
        self.send(stream, b"\0" + struct.pack(">I", size))

    def send(self, stream: int, data: bytes = bytes(_PART_BYTES)) -> bool:
        """Bytes of a message; returns whether the server let them."""
        with self._changed:  # the thread that reads widens the windows meanwhile
            if stream in self.ended or min(self._whole, self._initial + self._windows[stream]) < len(data):
                return False
            self._whole -= len(data)
            self._windows[stream] -= len(data)
            self.sent += len(data)
        return self.write(_frame(_DATA, 0, stream, data))

    def fill(self, seconds: float, is_done: threading.Event | None = None) -> None:
        """Send what the server lets, on all streams, for so long at most."""
        end = time.monotonic() + seconds
        while self.is_open and time.monotonic() < end and not (is_done and is_done.is_set()):
            if not sum(self.send(stream) for stream in self.begun):
                with self._changed:
                    self._changed.wait(_WAIT_SECONDS)

    def ping(self) -> None:
        """Ask whether it is there."""
        self.write(_frame(_PING, 0, 0, bytes(8)))

    def write(self, data: bytes) -> bool:
        """Bytes of any kind; returns whether it is open still."""
        try:
            self._sock.sendall(data)
        except OSError:
            self.is_open = False
        return self.is_open

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, struct.error):
            file = self._sock.makefile("rb")
            while head := file.read(9):
                stream = struct.unpack(">I", head[5:])[0]
                self._note(head[3], head[4], stream, file.read(int.from_bytes(head[:3], "big")))
        self.is_open = False

    def _note(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _WINDOW:
            more = struct.unpack(">I", payload)[0]
            with self._changed:
                if stream:
                    self._windows[stream] += more
                else:
                    self._whole += more
        elif kind == _SETTINGS and not flags:
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at : at + 6])
                self._initial = value if key == 4 else self._initial
            self.write(_frame(_SETTINGS, 1, 0))
        elif kind == _PING and not flags:
            self.write(_frame(_PING, 1, 0, payload))
        elif kind == _RESET or (kind in (_DATA, _HEADERS) and flags & 1):
            self.ended.add(stream)
        elif kind == _GOAWAY:
            self.is_open = False
        with self._changed:
            self._changed.notify_all()


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()
