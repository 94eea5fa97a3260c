"""Where an export goes: a file with the suffix of its kind."""

from __future__ import annotations

from pathlib import Path

from netwright.errors import ExportError
from netwright.runtime.info import SUFFIXES

__all__ = ["resolve_destination"]


def resolve_destination(destination: str | Path, to: str) -> Path:
    """The file to write: the destination, or model.onnx, model.xml or model.pt2 in it where it names a folder."""
    path, suffix = Path(destination), SUFFIXES[to]
    if path.is_dir() or not path.suffix or path.suffix[1:].isdigit():
        return path / f"model{suffix}"
    if path.suffix != suffix:
        fitting = next((target for target, own in SUFFIXES.items() if own == path.suffix), None)
        other = f", or give --to {fitting}" if fitting else ""
        raise ExportError(
            f"a file for {to} ends in {suffix}, and {path.name} does not. Name it {path.stem}{suffix}{other}."
        )
    return path
