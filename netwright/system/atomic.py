"""Writing whole or not at all: under another name first, brought to the disk, then renamed.

Whoever writes says what is written and what else may be chosen, so that a full disk is explained in the words of the
command: "the predictions cannot be written to out.csv: No space left on device (about 812 bytes are needed and 0 are
free there). Free some space, or choose another --out."
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from netwright.errors import OutputError

__all__ = [
    "atomic_file",
    "atomic_folder",
    "explain_errors",
    "explain_temporary_errors",
    "free_bytes",
    "partial_of",
    "remove_abandoned",
    "require_room",
    "require_writable",
    "sync",
    "write_bytes",
    "write_text",
]

# the disk, the quota, or the largest file that the system allows
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_IN_THE_WAY = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY)
_ABANDONED_SECONDS = 3600.0


def write_bytes(path: Path, content: bytes | memoryview, *, what: str, elsewhere: str) -> None:
    """Replace a file by a whole new one.

    Args:
        path: The file; its folder is made.
        content: All of it.
        what: What it is, for messages: "the predictions".
        elsewhere: What else may be chosen, for messages: "another --out".

    Raises:
        OutputError: It cannot be written. What was at `path` before is still there.
    """
    with atomic_file(path, what=what, elsewhere=elsewhere, needed=len(content)) as file:
        file.write(content)


def write_text(path: Path, text: str, *, what: str, elsewhere: str) -> None:
    """`write_bytes` of a text in UTF-8; what no encoding has (odd file names) becomes question marks."""
    write_bytes(path, text.encode(errors="replace"), what=what, elsewhere=elsewhere)


@contextmanager
def atomic_file(path: Path, *, what: str, elsewhere: str, needed: int | None = None) -> Iterator[BinaryIO]:
    """A file to write to, which takes its place at `path` when the block ends without an error.

    Args:
        path: The file; its folder is made.
        what: What it is, for messages: "the weights".
        elsewhere: What else may be chosen, for messages: "another --out".
        needed: About how many bytes, for messages.

    Raises:
        OutputError: It cannot be written. What was at `path` before is still there. An OSError that the block itself
            raises counts as an error of writing.
    """
    partial = partial_of(path)
    with explain_errors(path, what=what, elsewhere=elsewhere, needed=needed):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(path)
            with open(partial, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)  # after a loss of power the old file may be back, and that is whole too
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, *, what: str, elsewhere: str, beside: Path | None = None) -> Iterator[Path]:
    """An empty folder to write into, which takes its place at `path` when the block ends without an error.

    Args:
        path: The folder, where none with files in it may be when the block ends.
        what: What it is, for messages: "the training state".
        elsewhere: What else may be chosen, for messages: "another --out".
        beside: The folder to write in meanwhile, on the same disk; that of `path` where left out.

    Raises:
        OutputError: It cannot be written. Then nothing is left. An OSError that the block itself raises counts as an
            error of writing.
    """
    draft = path if beside is None else beside / path.name
    partial = partial_of(draft)
    with explain_errors(path, what=what, elsewhere=elsewhere):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(draft)
            partial.mkdir(parents=True)
            yield partial
            for each in partial.rglob("*"):
                sync(each)
            sync(partial)
            os.rename(partial, path)
            sync(path.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def explain_errors(
    path: Path, *, what: str, elsewhere: str, needed: int | None = None, smaller: str = ""
) -> Iterator[None]:
    """An OSError of the block becomes an OutputError that says what was being written, where, and the cure.

    Args:
        path: The file or folder that is written.
        what: What it is, for messages: "the image cache".
        elsewhere: What else may be chosen, for messages: "another --out".
        needed: About how many bytes it takes, for messages.
        smaller: How it would take less, for messages: "lower --resolution".
    """
    try:
        yield
    except OSError as error:
        reason, cure = error.strerror or str(error), f"Choose {elsewhere}."
        if error.errno in _FULL:
            wanted = "" if needed is None else f"about {needed:,} bytes are needed and "
            reason += f" ({wanted}{free_bytes(path):,} bytes are free there)"
            cure = f"Free some space, {f'{smaller}, ' * bool(smaller)}or choose {elsewhere}."
        elif error.errno in _IN_THE_WAY:
            reason += " (another file or folder is in the way)"
        raise OutputError(f"{what} cannot be written to {path}: {reason}. {cure}") from error


@contextmanager
def explain_temporary_errors(what: str) -> Iterator[None]:
    """`explain_errors` of the temporary folder, also where there is none. what: what is written there meanwhile."""
    place = Path(os.environ.get("TMPDIR") or tempfile.tempdir or "/tmp")
    with explain_errors(place, what=what, elsewhere="another folder with TMPDIR"):
        yield


def require_room(path: Path, needed: int, *, what: str, elsewhere: str, smaller: str = "") -> None:
    """Raise the OutputError of a full disk, as `explain_errors` does, where `needed` bytes do not fit."""
    with explain_errors(path, what=what, elsewhere=elsewhere, needed=needed, smaller=smaller):
        if free_bytes(path) < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def require_writable(folder: Path, *, what: str, elsewhere: str) -> None:
    """Make a folder and try a file in it. Raises the OutputError of `explain_errors` where that fails."""
    with explain_errors(folder, what=what, elsewhere=elsewhere):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix=".writable.") as file:
            file.write(bytes(4096))
            file.flush()


def free_bytes(path: Path) -> int:
    """Bytes that are free on the disk of a file or folder, which need not be there yet."""
    there = next(place for place in (path, *path.absolute().parents) if place.is_dir())
    return shutil.disk_usage(there).free


def partial_of(path: Path) -> Path:
    """A hidden name beside `path` to write under meanwhile, which no other writer takes."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}.partial")


def remove_abandoned(path: Path, seconds: float = _ABANDONED_SECONDS) -> None:
    """Remove what killed processes left of `path` beside it.

    Args:
        path: The file or folder that they were writing.
        seconds: For how long nobody wrote to it; 0.0 where only this process may write there.
    """
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with suppress(FileNotFoundError):  # another process was quicker
            if time.time() - partial.stat().st_mtime >= seconds:
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink()


def sync(path: Path) -> None:
    """Bring a file's content, or a folder's names, to the disk, where the system lets these be synced."""
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):
        return  # Windows
    handle = os.open(path, os.O_RDONLY if hasattr(os, "O_DIRECTORY") else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):  # some network disks
            raise
    finally:
        os.close(handle)
