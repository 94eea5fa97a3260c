"""One program at a time works on a population: a lock that ends with the process that holds it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from netwright.errors import OutputError, PopulationError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: no lock there; SQLite still keeps single writes whole
    _HAS_LOCKS = False
else:
    _HAS_LOCKS = True

__all__ = ["Lock"]


class Lock:
    """Exclusive while in the with statement. The kernel releases it when the process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".lock"
        self._file: int | None = None

    def __enter__(self) -> None:
        folder = self._path.parent
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error}. Choose another folder.") from error
        try:
            if _HAS_LOCKS:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise PopulationError(
                f"another program (process {holder}) is working on {folder}. Wait for it or end it."
            ) from error
        except OSError as error:
            os.close(file)
            raise OutputError(f"{folder} is on a disk without file locks: {error}. Choose another disk.") from error
        self._file = file
        with suppress(OSError):  # on a full disk it stays unsaid whose the lock is
            os.ftruncate(file, 0)
            os.pwrite(file, str(os.getpid()).encode(), 0)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
