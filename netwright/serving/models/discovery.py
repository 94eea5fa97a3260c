"""Which folder holds which models and versions."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from netwright.errors import ServeError
from netwright.runtime.info import SUFFIXES
from netwright.serving.models.version_policy import wanted_versions

__all__ = ["Fingerprint", "Found", "UnreadableFolder", "VersionFiles", "find_models", "is_repository", "look"]

# (path, size, time of change in ns) of each file of a version: another fingerprint means other contents
Fingerprint = tuple[tuple[str, int, int], ...]

_UNREADABLE = -1  # instead of a size: once the file can be read, it is another fingerprint
_BY_EFFECTIVE_IDS = os.access in os.supports_effective_ids
_OF_TRITON = ("config.pbtxt", "labels.txt")  # beside the versions of a model; the first comes before any version


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


@dataclass(frozen=True, slots=True)
class UnreadableFolder:
    """A folder in which nothing can be seen, such as lost+found for anyone but root.

    Attributes:
        name: Of the model that it would be, or of the model of the version.
        version: Of the version that it would be; 0 for a whole model.
        reason: Why, as a sentence without its end.
    """

    name: str
    version: int
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at a folder finds: versions, sorted, and folders that cannot be read."""

    versions: tuple[VersionFiles, ...]
    unreadable: tuple[UnreadableFolder, ...] = ()


def is_repository(folder: Path) -> bool:
    """Whether it holds versions (FOLDER/1/...) or models with versions (FOLDER/NAME/1/...), or is still empty.

    Empty is a folder without any file of its own or in its folders, hidden ones and those of Triton aside: models are
    yet to be copied there.

    Raises:
        ServeError: Where the folder cannot be read.
    """
    if not folder.is_dir():
        return False
    look(folder)  # which says why it cannot be read
    return any(map(_has_versions, [folder, *_folders(folder)])) or _is_empty(folder)


def find_models(folder: Path, name: str = "") -> tuple[VersionFiles, ...]:
    """The versions that `look` finds."""
    return look(folder, name).versions


def look(folder: Path, name: str = "") -> Found:
    """Every version in a folder. What cannot be read in it is named, and hides nothing else.

    Args:
        folder: Holds models with versions, or the versions of one model.
        name: Of that one model; empty for the folder's own name.

    Raises:
        ServeError: Where the folder itself cannot be read.
    """
    try:
        own, models = _wanted(folder), _folders(folder)
    except OSError as error:
        raise ServeError(f"the folder of models {folder} cannot be read: {error.strerror or error}.") from error
    versions: list[VersionFiles] = []
    unreadable: list[UnreadableFolder] = []
    if own:
        _read_versions(name or folder.resolve().name, own, versions, unreadable)
        return Found(tuple(versions), tuple(unreadable))
    for each in models:
        try:
            each.name.encode()
            _read_versions(each.name, _wanted(each), versions, unreadable)
        except UnicodeEncodeError:  # it could be named in no answer
            unreadable.append(UnreadableFolder(_shown(each.name), 0, "its name is not in UTF-8"))
        except OSError as error:
            unreadable.append(UnreadableFolder(each.name, 0, f"its folder cannot be read: {error.strerror or error}"))
    return Found(tuple(versions), tuple(unreadable))


def _read_versions(
    name: str, folders: list[Path], versions: list[VersionFiles], unreadable: list[UnreadableFolder]
) -> None:
    for each in folders:
        try:
            versions.append(_read_version(name, each))
        except OSError as error:
            reason = f"its folder cannot be read: {error.strerror or error}"
            unreadable.append(UnreadableFolder(name, int(each.name), reason))


def _shown(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def _wanted(folder: Path) -> list[Path]:
    """The versions that the model's config.pbtxt wants served."""
    found = _versions(folder)
    wanted = wanted_versions(folder, [int(each.name) for each in found])
    return [each for each in found if int(each.name) in wanted]


def _has_versions(folder: Path) -> bool:
    try:
        return bool(_versions(folder))
    except OSError:
        return False


def _is_empty(folder: Path) -> bool:
    for each in folder.iterdir():
        if each.name.startswith("."):
            continue
        if not each.is_dir():
            return False
        try:
            if any(not inner.name.startswith(".") and inner.name not in _OF_TRITON for inner in each.iterdir()):
                return False
        except OSError:
            continue
    return True


def _versions(folder: Path) -> list[Path]:
    """Folders named 1, 2, ...; not `01`, as two names of one number would be the same version."""
    names = (each for each in _folders(folder) if each.name.isascii() and each.name.isdigit())
    proper = [each for each in names if str(int(each.name)) == each.name and 0 < int(each.name) < 1 << 62]
    return sorted(proper, key=lambda each: int(each.name))


def _read_version(name: str, folder: Path) -> VersionFiles:
    ref, files = _ref(folder), []
    for path in sorted(folder.rglob("*")):
        try:
            status = path.stat()
            if path.is_file():
                size = status.st_size if os.access(path, os.R_OK, effective_ids=_BY_EFFECTIVE_IDS) else _UNREADABLE
                files.append((_shown(path.relative_to(folder).as_posix()), size, status.st_mtime_ns))
        except OSError:  # removed meanwhile: the next look finds another fingerprint
            continue
    return VersionFiles(name, int(folder.name), ref, tuple(files))


def _ref(folder: Path) -> Path:
    """The one file of weights in a folder, where there is just one and no export; else the folder itself."""
    inside = list(folder.iterdir())
    exported = [each for each in inside if each.suffix in SUFFIXES.values()]
    weights = [each for each in inside if each.suffix in (".safetensors", ".ckpt", ".pth", ".pt")]
    return weights[0] if len(weights) == 1 and not exported else folder
