"""Exported files are there whole, or not at all; of two that belong together, never one of each of two exports."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netwright.errors import ExportError, OutputError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: no lock there, and what a killed export left stays
    _HAS_LOCKS = False
else:
    _HAS_LOCKS = True

__all__ = ["placing", "resolve_destination"]

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "torch": ".pt2"}


def resolve_destination(destination: str | Path, to: str) -> Path:
    """The file to write: the destination, or model.onnx, model.xml or model.pt2 in it where it names a folder."""
    path, suffix = Path(destination), SUFFIXES[to]
    if path.is_dir() or not path.suffix or path.suffix[1:].isdigit():
        return path / f"model{suffix}"
    if path.suffix != suffix:
        raise ExportError(f"a file for {to} ends in {suffix}, and {path.name} does not. Name it {path.stem}{suffix}.")
    return path


_ASIDE = "replaced"  # in the folder of an export: the old pair, while the new one is moved into place


@contextmanager
def placing(path: Path) -> Iterator[Path]:
    """The same name in a folder beside it, to write to; what is there at the end without an error is moved into place.

    With an error nothing is left, and what was at `path` before is still there. A kill leaves the old files, the new
    ones, or none at `path` with both beside it, and then the next export to `path` begins by putting the old ones back.
    Raises OutputError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            _recover(path)
            folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
            held = _hold(folder)
        try:
            yield folder / path.name
            written = sorted(folder.iterdir(), key=lambda each: each.name == path.name)  # what others name comes last
            for each in written:
                _sync(each)
            with _alone(path.parent):
                _move(written, path, folder / _ASIDE)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if held is not None:
                os.close(held)
    except OSError as error:
        raise OutputError(
            f"an exported file is written to a folder that can be written and has room, and {path.parent} is not: "
            f"{error}. Free some space or choose another."
        ) from error


def _move(written: list[Path], path: Path, aside: Path) -> None:
    """Into place, `path` last; before that the old files go aside, `path` first: it never stands beside other weights,
    neither for programs that read meanwhile nor after a kill or a loss of power."""
    placed: list[Path] = []
    try:
        if len(written) > 1:
            aside.mkdir()
            for each in reversed(written):
                with suppress(FileNotFoundError):
                    os.replace(path.with_name(each.name), aside / each.name)
                _sync(path.parent)
        for each in written:
            os.replace(each, path.with_name(each.name))
            placed.append(path.with_name(each.name))
            _sync(path.parent)
    except BaseException:
        if path not in placed:
            for done in placed:
                done.unlink()
            _put_back(aside, path)
        raise


def _put_back(aside: Path, path: Path) -> None:
    """The old files, where `path` is not there: its weights first, so that a kill here changes nothing either."""
    if path.exists() or not (aside / path.name).exists():
        return
    for each in sorted(aside.iterdir(), key=lambda each: each.name == path.name):
        os.replace(each, path.with_name(each.name))
        _sync(path.parent)


def _recover(path: Path) -> None:
    """Ends what killed exports to `path` left beside it."""
    ours = re.compile(re.escape(f".{path.name}.") + r"[^.]+\.partial")
    for folder in sorted(each for each in path.parent.iterdir() if ours.fullmatch(each.name)):
        held = _hold(folder)
        if held is not None:  # else its export still runs
            _put_back(folder / _ASIDE, path)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)


def _hold(folder: Path) -> int | None:
    """A handle while whose process lives nobody else gets one; None where somebody has it, or the disk has no locks."""
    if not _HAS_LOCKS:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two exports to the same name do not mix their files."""
    if not _HAS_LOCKS:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a disk without locks: whoever reads still compares the digest of the weights
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sync(path: Path) -> None:
    """A file's content, or a folder's names, where the system lets these be synced."""
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
