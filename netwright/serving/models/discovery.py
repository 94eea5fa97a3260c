"""Which folder holds which models and versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netwright.errors import ServeError
from netwright.serving.models.version_policy import wanted_versions

__all__ = ["Fingerprint", "VersionFiles", "find_models", "is_repository"]

# (path, size, time of change in ns) of each file of a version: another fingerprint means other contents
Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class VersionFiles:
    """The files of a version of a model.

    Attributes:
        name: Of the model.
        version: A number, 1 or more.
        ref: What `open_runtime` takes.
        fingerprint: Of the folder; empty where it has no files.
    """

    name: str
    version: int
    ref: Path
    fingerprint: Fingerprint


def is_repository(folder: Path) -> bool:
    """Whether it holds versions (FOLDER/1/...) or models with versions (FOLDER/NAME/1/...)."""
    return folder.is_dir() and (bool(_versions(folder)) or any(_versions(each) for each in _folders(folder)))


def find_models(folder: Path, name: str = "") -> tuple[VersionFiles, ...]:
    """Every version in a folder, sorted.

    Args:
        folder: Holds models with versions, or the versions of one model.
        name: Of that one model; empty for the folder's own name.

    Raises:
        ServeError: Where the folder cannot be read.
    """
    try:
        if own := _wanted(folder):
            return tuple(_read_version(name or folder.resolve().name, version) for version in own)
        return tuple(_read_version(each.name, version) for each in _folders(folder) for version in _wanted(each))
    except OSError as error:
        raise ServeError(f"the folder of models {folder} cannot be read: {error.strerror or error}.") from error


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def _wanted(folder: Path) -> list[Path]:
    """The versions that the model's config.pbtxt wants served."""
    found = _versions(folder)
    wanted = wanted_versions(folder, [int(each.name) for each in found])
    return [each for each in found if int(each.name) in wanted]


def _versions(folder: Path) -> list[Path]:
    """Folders named 1, 2, ...; not `01`, as two names of one number would be the same version."""
    names = (each for each in _folders(folder) if each.name.isascii() and each.name.isdigit())
    proper = [each for each in names if str(int(each.name)) == each.name and 0 < int(each.name) < 1 << 62]
    return sorted(proper, key=lambda each: int(each.name))


def _read_version(name: str, folder: Path) -> VersionFiles:
    files = []
    for path in sorted(folder.rglob("*")):
        try:
            status = path.stat()
        except OSError:  # removed meanwhile: the next look finds another fingerprint
            continue
        if path.is_file():
            files.append((path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns))
    return VersionFiles(name, int(folder.name), _ref(folder), tuple(files))


def _ref(folder: Path) -> Path:
    """The one file of weights in a folder, where there is just one and no export; else the folder itself."""
    exported = [each for each in folder.iterdir() if each.suffix in (".onnx", ".xml", ".pt2")]
    weights = [each for each in folder.iterdir() if each.suffix in (".safetensors", ".ckpt", ".pth", ".pt")]
    return weights[0] if len(weights) == 1 and not exported else folder
