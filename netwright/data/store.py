"""Where decoded pixels go: to memory, or to a .npy file that several processes map.

The file is written from front to back, never through a memory map: a full disk is then an error to catch, and not a
signal that ends the process.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from netwright.data.source import Pixels
from netwright.errors import DataError, OutputError

__all__ = ["FileSink", "MemorySink", "Sink", "explain_disk", "replace_text"]

Shape = tuple[int, int, int, int]

# a partial file that nobody wrote to for so long belongs to a process that is gone
_ABANDONED_SECONDS = 3600
_HEADROOM = 1.05
# the disk, the quota, or the largest file that the system allows
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Sink(Protocol):
    """Takes blocks of (n, H, W, C) uint8 in order; `finish` gives all of them as one array."""

    def append(self, block: Pixels) -> None: ...

    def finish(self) -> Pixels: ...

    def discard(self) -> None:
        """Remove what is unfinished; harmless afterwards."""
        ...


class MemorySink:
    """shape: the most that will come."""

    def __init__(self, shape: Shape) -> None:
        needed, available = int(np.prod(shape)), _available_memory()
        if available is not None and needed * _HEADROOM > available:
            raise DataError(
                f"{shape[0]:,} decoded images of {shape[1]} x {shape[2]} x {shape[3]} need {needed:,} bytes, and "
                f"{available:,} bytes of memory are available. Lower --resolution or --train_images, or decode to a "
                "cache folder, from where they are mapped."
            )
        self._images = np.empty(shape, dtype=np.uint8)
        self._count = 0

    def append(self, block: Pixels) -> None:
        self._images[self._count : self._count + len(block)] = block
        self._count += len(block)

    def finish(self) -> Pixels:
        images = self._images[: self._count]
        images.setflags(write=False)  # as the mapped file is
        return images

    def discard(self) -> None:
        pass


class FileSink:
    """Writes `path` under another name, and renames it when it is complete. shape: the most that will come."""

    def __init__(self, path: Path, shape: Shape) -> None:
        self._path, self._shape, self._count = path, shape, 0
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._needed = int(np.prod(shape))
        with explain_disk(path.parent, self._needed):
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(path)
            free = shutil.disk_usage(path.parent).free
            if self._needed * _HEADROOM > free:
                raise OutputError(_no_room(path.parent, self._needed, free))
            self._file: BinaryIO = open(self._partial, "wb")  # noqa: SIM115 (closed by finish or discard)
            try:
                self._file.write(_header(shape))
            except BaseException:
                self.discard()
                raise

    def append(self, block: Pixels) -> None:
        with explain_disk(self._path.parent, self._needed):
            self._file.write(np.ascontiguousarray(block).data)
        self._count += len(block)

    def finish(self) -> Pixels:
        with explain_disk(self._path.parent, self._needed):
            self._file.flush()
            # numpy pads the header so that the first axis may change
            self._file.seek(0)
            self._file.write(_header((self._count, *self._shape[1:])))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._partial, self._path)
        images: Pixels = np.load(self._path, mmap_mode="r")
        return images

    def discard(self) -> None:
        with suppress(OSError):  # what was buffered may not fit either; the descriptor is closed all the same
            self._file.close()
        self._partial.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write a whole text file, or leave the old one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with explain_disk(path.parent, len(text)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def explain_disk(folder: Path, needed: int) -> Iterator[None]:
    """OSErrors of writing -> OutputError, with the numbers where there is no room."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
            free = shutil.disk_usage(there).free
            raise OutputError(f"{error.strerror}: {_no_room(folder, needed, free)}") from error
        raise OutputError(
            f"decoded images are kept in a folder that can be written, and {folder} cannot: {error}. "
            "Choose another folder."
        ) from error


def _no_room(folder: Path, needed: int, free: int) -> str:
    return (
        f"the decoded images need {needed:,} bytes in {folder}, which has {free:,} bytes free. Free some space, choose "
        "a folder on another disk, or lower --resolution or --train_images."
    )


def _header(shape: Shape) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def _remove_abandoned(path: Path) -> None:
    for partial in path.parent.glob(f".{path.name}.*.partial"):
        with suppress(FileNotFoundError):  # another process was quicker
            if time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS:
                partial.unlink()


def _available_memory() -> int | None:
    """Bytes that can be taken without swapping, where the system says; a container's limit counts too."""
    found = []
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) * 1024)
    limit, used = _lines("/sys/fs/cgroup/memory.max"), _lines("/sys/fs/cgroup/memory.current")
    if limit and used and limit[0].isdigit():
        found.append(int(limit[0]) - int(used[0]))
    return max(min(found), 0) if found else None


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:  # another system, or hidden
        return []
