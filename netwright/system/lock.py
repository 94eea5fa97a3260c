"""One process at a time: locks that the system releases when their process dies, however it dies."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from netwright.errors import OutputError, PopulationError

__all__ = ["Lock", "hold", "holder", "locked"]

# Windows lets nobody else read the byte that is locked, which is the first
_NOTE_AT = 1 if os.name == "nt" else 0
_NOTE_BYTES = 32
_POLL_SECONDS = 0.01


class Lock:
    """One program works on a folder: exclusive while in the with statement.

    Entering raises PopulationError, with the process that holds it, where another program works there, and OutputError
    where the folder cannot be written or its disk has no locks.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".lock"
        self._handle: int | None = None

    def __enter__(self) -> None:
        folder = self._path.parent
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error}. Choose another folder.") from error
        try:
            is_ours = _try(handle)
        except OSError as error:
            os.close(handle)
            raise OutputError(f"{folder} is on a disk without file locks: {error}. Choose another disk.") from error
        if not is_ours:
            holder = _read_note(handle)
            os.close(handle)
            raise PopulationError(f"another program (process {holder}) is working on {folder}. Wait for it or end it.")
        self._handle = handle
        _write_note(handle, str(os.getpid()))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def holder(folder: Path) -> int | None:
    """The process that holds the `Lock` of a folder; None where nobody does. Nothing is locked to find out.

    Linux lists all locks; elsewhere the note that the holder left counts while such a process lives.
    """
    path = folder / ".lock"
    note = _note_of(path)
    if not note.isdecimal():
        return None
    pid = int(note)
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines()
        inode = str(path.stat().st_ino)
    except OSError:
        return pid if _lives(pid) else None
    # 1: FLOCK  ADVISORY  WRITE 4711 08:01:5678901 0 EOF
    held = {words[5].rpartition(":")[2] for line in lines if len(words := line.split()) > 5}
    return pid if inode in held else None


def _note_of(path: Path) -> str:
    with suppress(OSError), path.open("rb") as file:
        file.seek(_NOTE_AT)
        return file.read(_NOTE_BYTES).decode(errors="replace").strip()
    return ""


def _lives(pid: int) -> bool:
    if os.name == "nt":
        return True  # signal 0 would end it there
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """The block runs while no other process is in such a block of the same path: the others wait.

    On a disk without locks nobody waits, and on Windows nobody waits for a folder: whoever needs more checks what the
    block finds and leaves.

    Args:
        path: A file, which is made and, where the system allows it, removed again; or a folder, which is there.

    Raises:
        OSError: The file cannot be made.
    """
    is_folder = path.is_dir()
    while (handle := _open(path, is_folder)) is not None:
        try:
            with suppress(OSError):  # a disk without locks
                while not _try(handle):
                    time.sleep(_POLL_SECONDS)
        except BaseException:
            os.close(handle)
            raise
        if is_folder or _is_at(handle, path):
            break
        os.close(handle)  # of a file that the one before removed: others wait for the new one
    try:
        yield
    finally:
        if handle is not None:
            if not is_folder:
                with suppress(OSError):  # Windows removes no open files
                    path.unlink()
            os.close(handle)


def hold(folder: Path) -> int | None:
    """A handle that nobody else gets while it is open and its process lives.

    None where somebody has it, or where the system or the disk has no locks of folders. Close it with os.close.
    """
    handle = _open(folder, is_folder=True)
    if handle is None:
        return None
    with suppress(OSError):  # a disk without locks
        if _try(handle):
            return handle
    os.close(handle)
    return None


def _open(path: Path, is_folder: bool) -> int | None:
    if not is_folder:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    return os.open(path, os.O_RDONLY) if hasattr(os, "O_DIRECTORY") else None  # Windows opens no folders


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _try(handle: int) -> bool:
    """Whether the lock is ours now. Raises OSError on a disk without locks."""
    from filelock import lock_descriptor  # here, because it takes long to import

    return lock_descriptor(handle, blocking=False)


def _read_note(handle: int) -> str:
    with suppress(OSError):
        os.lseek(handle, _NOTE_AT, os.SEEK_SET)
        return os.read(handle, _NOTE_BYTES).decode(errors="replace").strip() or "unknown"
    return "unknown"


def _write_note(handle: int, text: str) -> None:
    with suppress(OSError):  # on a full disk the note is missing, and the lock holds all the same
        os.ftruncate(handle, _NOTE_AT)
        os.lseek(handle, _NOTE_AT, os.SEEK_SET)
        os.write(handle, text.encode())
