"""Folders in the temporary folder, which the next program clears where a killed one could not."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netwright.system.lock import hold

__all__ = ["temporary_folder"]

_DRAFT = ".new"
_DRAFT_SECONDS = 60  # after which a folder that never got its name is a killed process's


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """A new folder for this process, removed when the block ends.

    First those of the same user and purpose are removed whose process is gone: after a kill nothing removes them.

    Args:
        purpose: What it is for, a part of its name: "metrics" gives netwright-metrics-....
    """
    place = Path(tempfile.gettempdir())
    prefix = f"netwright-{purpose}-"
    _clear(place, prefix)
    draft = Path(tempfile.mkdtemp(prefix=prefix, suffix=_DRAFT))
    # it gets its name once it is held: whoever clears cannot take it for an abandoned one
    held = hold(draft)
    folder = draft.rename(draft.with_suffix(""))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if held is not None:
            os.close(held)


def _clear(place: Path, prefix: str) -> None:
    with suppress(OSError):
        for folder in place.glob(f"{prefix}*"):
            with suppress(OSError):  # another process was quicker
                if _may_be_abandoned(folder) and (held := hold(folder)) is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(held)


def _may_be_abandoned(folder: Path) -> bool:
    """Whether it is a folder of this user's, no link, and no draft that is being made."""
    status = folder.lstat()
    is_ours = stat.S_ISDIR(status.st_mode) and (not hasattr(os, "getuid") or status.st_uid == os.getuid())
    return is_ours and (folder.suffix != _DRAFT or time.time() - status.st_mtime > _DRAFT_SECONDS)
