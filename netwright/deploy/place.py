"""Exported files are there whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netwright.errors import ExportError, OutputError

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


@contextmanager
def placing(path: Path) -> Iterator[Path]:
    """The same name in a folder beside it, to write to; what is there at the end without an error is moved into place.

    With an error nothing is left, and what was at `path` before is still there. Raises OutputError.
    """
    folder = path.parent / f".{path.stem}.{os.getpid()}.partial"
    try:
        folder.mkdir(parents=True)
        try:
            yield folder / path.name
            written = sorted(folder.iterdir(), key=lambda each: each.name == path.name)
            for each in written:
                _sync(each)
            if len(written) > 1:
                path.unlink(missing_ok=True)  # a graph never stands beside the weights of another
            for each in written:  # the graph last
                os.replace(each, path.with_name(each.name))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise OutputError(
            f"an exported file is written to a folder that can be written and has room, and {path.parent} is not: "
            f"{error}. Free some space or choose another."
        ) from error


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
