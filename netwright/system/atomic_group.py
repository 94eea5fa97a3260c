"""Files that belong together, placed as a whole: never some of one writing beside some of another."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netwright.system.atomic import explain_errors, sync
from netwright.system.lock import hold, locked

__all__ = ["atomic_group"]

_ASIDE = "replaced"  # in the folder that is written to: the old files, while the new ones are moved into place


@contextmanager
def atomic_group(path: Path, *, what: str, elsewhere: str) -> Iterator[Path]:
    """The name of `path` in a folder beside it, to write to, alone or with files beside it that it refers to.

    What is there when the block ends without an error is moved into place, `path` last. With an error nothing is left,
    and what was at `path` before is still there. A kill leaves the old files, the new ones, or none at `path` with both
    beside it: then the next group for `path` begins by putting the old ones back.

    Args:
        path: The file by which others find the group; its folder is made.
        what: What is written, for messages: "the exported network".
        elsewhere: What else may be chosen, for messages: "another --out".

    Raises:
        OutputError: It cannot be written. An OSError that the block itself raises counts as an error of writing.
    """
    with explain_errors(path, what=what, elsewhere=elsewhere):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent):
            _recover(path)
            folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
            held = hold(folder)
        try:
            yield folder / path.name
            written = sorted(folder.iterdir(), key=lambda each: each.name == path.name)  # what others name comes last
            for each in written:
                sync(each)
            with locked(path.parent):
                _move(written, path, folder / _ASIDE)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if held is not None:
                os.close(held)


def _move(written: list[Path], path: Path, aside: Path) -> None:
    """Into place, `path` last; before that the old files go aside, `path` first.

    So it never stands beside files of another group, neither for programs that read meanwhile nor after a kill or a
    loss of power.
    """
    placed: list[Path] = []
    try:
        if len(written) > 1:
            aside.mkdir()
            for each in reversed(written):
                with suppress(FileNotFoundError):
                    os.replace(path.with_name(each.name), aside / each.name)
                sync(path.parent)
        for each in written:
            os.replace(each, path.with_name(each.name))
            placed.append(path.with_name(each.name))
            sync(path.parent)
    except BaseException:
        if path not in placed:
            for done in placed:
                done.unlink()
            _put_back(aside, path)
        raise


def _put_back(aside: Path, path: Path) -> None:
    """The old files, where `path` is not there: `path` last, so that a kill here changes nothing either."""
    if path.exists() or not (aside / path.name).exists():
        return
    for each in sorted(aside.iterdir(), key=lambda each: each.name == path.name):
        os.replace(each, path.with_name(each.name))
        sync(path.parent)


def _recover(path: Path) -> None:
    """Ends what killed processes left of the group."""
    ours = re.compile(re.escape(f".{path.name}.") + r"[^.]+\.partial")
    for folder in sorted(each for each in path.parent.iterdir() if ours.fullmatch(each.name)):
        held = hold(folder)
        if held is not None:  # else its process still writes
            _put_back(folder / _ASIDE, path)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)
