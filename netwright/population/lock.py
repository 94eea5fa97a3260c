"""One program at a time works on a population: a lock that ends with the process that holds it."""

from __future__ import annotations

import os
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
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OutputError(f"{self._path.parent} cannot be written: {error}. Choose another folder.") from error
        try:
            if _HAS_LOCKS:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            self._file = None
            raise PopulationError(
                f"another program (process {holder}) is working on {self._path.parent}. Wait for it or end it."
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
