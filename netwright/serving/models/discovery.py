"""Which folder holds which models and versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netwright.errors import ServeError

__all__ = ["Found", "find_models", "is_repository"]


@dataclass(frozen=True, slots=True)
class Found:
    """A version of a model on disk. ref: what `open_runtime` takes.

    mark: names, sizes and times of its files: another mark means other contents.
    """

    name: str
    version: int
    ref: Path
    mark: tuple[tuple[str, int, int], ...]


def is_repository(folder: Path) -> bool:
    """Whether it holds versions (FOLDER/1/...) or models with versions (FOLDER/NAME/1/...)."""
    return folder.is_dir() and (bool(_versions(folder)) or any(_versions(each) for each in _folders(folder)))


def find_models(folder: Path, name: str = "") -> tuple[Found, ...]:
    """Every version there, sorted; versions that are right in the folder are of one model, called `name` or as it is.

    ServeError where the folder cannot be read.
    """
    try:
        if own := _versions(folder):
            return tuple(_found(name or folder.resolve().name, version) for version in own)
        return tuple(_found(each.name, version) for each in _folders(folder) for version in _versions(each))
    except OSError as error:
        raise ServeError(f"the models are in {folder}, which cannot be read: {error.strerror or error}.") from error


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def _versions(folder: Path) -> list[Path]:
    """Folders named 1, 2, ...; `01` is none: two names of one number would be one version."""
    names = (each for each in _folders(folder) if each.name.isascii() and each.name.isdigit())
    proper = [each for each in names if str(int(each.name)) == each.name and 0 < int(each.name) < 1 << 62]
    return sorted(proper, key=lambda each: int(each.name))


def _found(name: str, folder: Path) -> Found:
    marks = []
    for path in sorted(folder.rglob("*")):
        try:
            status = path.stat()
        except OSError:  # it went while we looked: the next look sees another mark
            continue
        if path.is_file():
            marks.append((path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns))
    return Found(name, int(folder.name), _ref(folder), tuple(marks))


def _ref(folder: Path) -> Path:
    """A folder that holds one file of weights means that file; any other is for `open_runtime` to read."""
    exported = [each for each in folder.iterdir() if each.suffix in (".onnx", ".xml", ".pt2")]
    weights = [each for each in folder.iterdir() if each.suffix in (".safetensors", ".ckpt", ".pth", ".pt")]
    return weights[0] if len(weights) == 1 and not exported else folder
