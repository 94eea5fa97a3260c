"""HTTP/2 frames as they pass by: what of them says how many bytes of a message have arrived."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["END_HEADERS", "END_STREAM", "Frames", "Messages", "Unexpected"]

PREFACE_BYTES = 24  # that a client sends before its first frame
DATA, HEADERS, RESET = 0, 1, 3  # types of frames
END_STREAM, END_HEADERS, _PADDED = 0x1, 0x4, 0x8  # flags
_HEAD_BYTES = 9  # of a frame
_PREFIX_BYTES = 5  # of a message of gRPC: whether it is compressed, and its length


class Unexpected(Exception):  # noqa: N818 - no mistake of ours
    """What no library of gRPC sends; the connection ends."""


class Frames:
    """The frames of one direction of a connection.

    Attributes:
        count: Of frames.
        left: Bytes to come of the payload of the current frame.

    Args:
        on_frame: Called with (type, flags, stream) when the head of a frame has arrived. Where it returns True, `feed`
            stops before the payload.
        on_data: Called with (stream, some of its payload) for frames of DATA.
        skip: Bytes before the first frame.
    """

    def __init__(
        self,
        on_frame: Callable[[int, int, int], bool | None],
        on_data: Callable[[int, memoryview], None] = lambda stream, data: None,
        *,
        skip: int = 0,
    ) -> None:
        self._on_frame, self._on_data = on_frame, on_data
        self._head = b""
        self.left = skip
        self._data_stream = 0  # of the current frame where it is DATA
        self.count = 0

    def feed(self, data: memoryview) -> int:
        """Look at some bytes; returns at how many, fewer where it stopped. Unexpected where they are not of gRPC."""
        at, size = 0, len(data)
        while at < size:
            if self.left:
                end = min(size, at + self.left)
                if self._data_stream:
                    self._on_data(self._data_stream, data[at:end])
                self.left -= end - at
                at = end
                continue
            end = min(size, at + _HEAD_BYTES - len(self._head))
            self._head += data[at:end]
            at = end
            if len(self._head) == _HEAD_BYTES:
                stops = self._begin(self._head)
                self._head = b""
                if stops:
                    break
        return at

    def _begin(self, head: bytes) -> bool:
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:]) & 0x7FFFFFFF
        if kind == DATA and flags & _PADDED:
            raise Unexpected("padded data")
        self.count += 1
        self.left = int.from_bytes(head[:3])
        self._data_stream = stream if kind == DATA else 0
        return bool(self._on_frame(kind, flags, stream))


class Messages:
    """The messages of one stream: how much of the current one has arrived."""

    def __init__(self) -> None:
        self._prefix = b""
        self._left = 0

    def feed(self, data: memoryview) -> int:
        """Look at some bytes of DATA; returns how many of them are of a message that is not complete yet.

        A message that ends in `data` releases what was counted before: `is_new` says that there was such an end.
        """
        self.is_new, at, size = False, 0, len(data)
        pending = 0
        while at < size:
            if self._left:
                end = min(size, at + self._left)
                self._left -= end - at
                pending += end - at
                at = end
                if not self._left:
                    self.is_new, pending = True, 0
                continue
            end = min(size, at + _PREFIX_BYTES - len(self._prefix))
            self._prefix += data[at:end]
            at = end
            if len(self._prefix) == _PREFIX_BYTES:
                self._left, self._prefix = int.from_bytes(self._prefix[1:]), b""
        return pending
