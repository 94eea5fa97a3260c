"""Store decoded pixels in memory, or in a .npy file that several processes map.

The file is written sequentially, not through a memory map: a full disk then raises an error, where a map would end the
process with a signal.
"""

from __future__ import annotations

import io
import os
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from netwright.data.source import Pixels
from netwright.errors import DataError
from netwright.system.atomic import explain_errors, partial_of, remove_abandoned, require_room
from netwright.system.machine import available_memory

__all__ = ["FileSink", "MemorySink", "Sink"]

ArrayShape = tuple[int, int, int, int]  # images, height, width, channels

_HEADROOM = 1.05
_WHAT, _ELSEWHERE, _SMALLER = "the image cache", "another --out", "lower --resolution or --train_images"


class Sink(Protocol):
    """Collects blocks of pixels, (n, H, W, C) uint8, in order; `finish` returns them as one read-only array."""

    def append(self, block: Pixels) -> None: ...

    def finish(self) -> Pixels: ...

    def discard(self) -> None:
        """Remove an unfinished file; does nothing after `finish`."""
        ...


class MemorySink:
    """Keeps the pixels in memory.

    Args:
        shape: (n, H, W, C), with the largest number of images that may come.

    Raises:
        DataError: The available memory is too small.
    """

    def __init__(self, shape: ArrayShape) -> None:
        needed, available = int(np.prod(shape)), available_memory()
        if available is not None and needed * _HEADROOM > available:
            raise DataError(
                f"{shape[0]:,} decoded images of {shape[1]} x {shape[2]} x {shape[3]} need {needed:,} bytes, and "
                f"{available:,} bytes of memory are available. Lower --resolution or --train_images, or decode to a "
                "cache folder, from which they are mapped."
            )
        self._images = np.empty(shape, dtype=np.uint8)
        self._count = 0

    def append(self, block: Pixels) -> None:
        self._images[self._count : self._count + len(block)] = block
        self._count += len(block)

    def finish(self) -> Pixels:
        images = self._images[: self._count]
        images.setflags(write=False)  # like the mapped file
        return images

    def discard(self) -> None:
        pass


class FileSink:
    """Writes the pixels to a .npy file, under a temporary name until it is complete.

    Args:
        path: The file.
        shape: (n, H, W, C), with the largest number of images that may come.

    Raises:
        OutputError: The file cannot be written, or the disk has too little room.
    """

    def __init__(self, path: Path, shape: ArrayShape) -> None:
        self._path, self._shape, self._count = path, shape, 0
        self._partial = partial_of(path)
        self._needed = int(np.prod(shape))
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(path)
            require_room(path, int(self._needed * _HEADROOM), what=_WHAT, elsewhere=_ELSEWHERE, smaller=_SMALLER)
            self._file: BinaryIO = open(self._partial, "wb")  # noqa: SIM115 (closed by finish or discard)
            try:
                self._file.write(_header(shape))
            except BaseException:
                self.discard()
                raise

    def append(self, block: Pixels) -> None:
        with self._explained():
            self._file.write(np.ascontiguousarray(block).data)
        self._count += len(block)

    def finish(self) -> Pixels:
        with self._explained():
            self._file.flush()
            # numpy pads the header, so that the number of images may change
            self._file.seek(0)
            self._file.write(_header((self._count, *self._shape[1:])))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._partial, self._path)
        images: Pixels = np.load(self._path, mmap_mode="r")
        return images

    def discard(self) -> None:
        with suppress(OSError):  # closing flushes the buffer, which may not fit either; the descriptor is closed anyway
            self._file.close()
        self._partial.unlink(missing_ok=True)

    def _explained(self) -> AbstractContextManager[None]:
        return explain_errors(self._path, what=_WHAT, elsewhere=_ELSEWHERE, smaller=_SMALLER, needed=self._needed)


def _header(shape: ArrayShape) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()
