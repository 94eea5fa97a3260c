"""A file of weights is whole or not there."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from netwright.errors import OutputError

__all__ = ["writing"]

# the disk, the quota, or the largest file that the system allows
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def writing(path: Path, needed: int) -> Iterator[BinaryIO]:
    """Write `path` under another name, and rename it when it is complete and on the disk. needed: about how many bytes.

    Raises OutputError, with the numbers where there is no room; what was at `path` before is then still there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(partial, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in _FULL:
            there = next(place for place in (path.parent, *path.absolute().parents) if place.is_dir())
            free = shutil.disk_usage(there).free
            raise OutputError(
                f"{error.strerror}: {path.name} needs about {needed:,} bytes in {path.parent}, which has {free:,} "
                "bytes free. Free some space or choose another folder."
            ) from error
        raise OutputError(
            f"weights are written to a folder that can be written, and {path.parent} cannot: {error}. Choose another "
            "folder."
        ) from error
