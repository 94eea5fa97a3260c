"""Image folders: root/<split>/<class>/... or root/<class>/..., as torchvision's ImageFolder reads them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netwright.data.source import SPLIT_NAMES, IntArray, LabeledImage, SourceBase, listed
from netwright.errors import DataError

__all__ = [
    "IMAGE_SUFFIXES",
    "FileEntry",
    "FolderSource",
    "files_signature",
    "open_folder",
    "open_split_folders",
    "scan_files",
]

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})

# a file's path below the root with forward slashes, and its size in bytes
FileEntry = tuple[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class FolderSource(SourceBase):
    """A source whose images are files below a root folder.

    Attributes:
        root: The folder.
        paths: The path of each image below the root.
    """

    root: Path
    paths: tuple[str, ...]

    def item_name(self, index: int) -> str:
        return self.paths[index]

    def read(self, index: int) -> LabeledImage:
        path = self.paths[index]
        return LabeledImage((self.root / path).read_bytes(), int(self.labels[index]), path)


def scan_files(root: Path, suffixes: frozenset[str]) -> list[FileEntry]:
    """List the files below a folder that have one of the suffixes in either case, sorted; hidden names are left out.

    Raises:
        DataError: The folder cannot be read.
    """
    try:
        return sorted(_walk(root, "", suffixes, frozenset()))
    except OSError as error:
        raise DataError(f"{root} cannot be read: {error}. Check the folder and its permissions.") from error


def _walk(
    folder: Path, prefix: str, suffixes: frozenset[str], above: frozenset[tuple[int, int]]
) -> Iterator[FileEntry]:
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in above:  # a symbolic link to a folder above
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith((".", "__MACOSX")):
                continue
            if entry.is_dir():
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/", suffixes, above | {identity})
            elif os.path.splitext(entry.name)[1].lower() in suffixes and entry.is_file():
                yield prefix + entry.name, entry.stat().st_size


def files_signature(files: Sequence[FileEntry]) -> str:
    """A hash of the files' names and sizes."""
    digest = hashlib.sha256()
    for path, size in files:
        digest.update(f"{path}\0{size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def open_folder(root: Path, files: Sequence[FileEntry]) -> FolderSource:
    """Make a source of the images of a folder.

    Args:
        root: The folder.
        files: Its images, from `scan_files`.

    Raises:
        DataError: The folders are no clear layout of splits and classes.
    """
    folders = _split_folders(root, files)
    depth = 1 if folders else 0
    items = [
        (path, size) for path, size in files if path.count("/") > depth
    ]  # images outside class folders have no label
    if not items:
        raise DataError(
            f"the label of an image is the name of its folder, and the {len(files):,} images of {root} are in no "
            "class folder. Sort them into one folder per class."
        )
    classes = [path.split("/")[depth] for path, _ in items]
    class_names = tuple(sorted(set(classes)))
    for folder in folders or [""]:
        inside = f"{folder}/" if folder else ""
        _refuse_empty_classes(root / folder, {path.split("/")[depth] for path, _ in items if path.startswith(inside)})
    number = {name: label for label, name in enumerate(class_names)}
    origin = np.array([folders[path.split("/")[0]] if folders else "all" for path, _ in items])
    return FolderSource(
        name=root.resolve().name,
        class_names=class_names,
        labels=np.array([number[name] for name in classes], dtype=np.int64),
        splits={split: np.flatnonzero(origin == split).astype(np.int64) for split in sorted(set(origin.tolist()))},
        signature=files_signature(items),
        root=root,
        paths=tuple(path for path, _ in items),
    )


def open_split_folders(root: Path, folders: Sequence[str]) -> FolderSource:
    """Make a source of some folders of classes below a root, each of which is a split of that name.

    All splits have the same class folders; only those of the training split need images.

    Args:
        root: The folder above.
        folders: Names of the splits; the one to train on first.

    Raises:
        DataError: Images of a split are in no class folder, or the class folders of two splits differ.
    """
    classes = {split: _class_folders(root / split) for split in folders}
    labels: list[int] = []
    found: list[FileEntry] = []
    splits: dict[str, IntArray] = {}
    for split in folders:
        inside = scan_files(root / split, IMAGE_SUFFIXES)
        items = [(path, size) for path, size in inside if "/" in path]
        _refuse_flat(root / split, split, inside, items)
        to_train = SPLIT_NAMES.get(split.lower()) == "train" or (len(folders) > 1 and split == folders[0])
        without = classes[split] - {path.split("/", 1)[0] for path, _ in items}
        _refuse_unreadable(root / split, without, to_train=to_train)
        number = {name: label for label, name in enumerate(sorted(classes[split]))}
        splits[split] = np.arange(len(found), len(found) + len(items), dtype=np.int64)
        labels += [number[path.split("/", 1)[0]] for path, _ in items]
        found += [(f"{split}/{path}", size) for path, size in items]
    _refuse_other_classes(root, classes)
    return FolderSource(
        name=root.resolve().name,
        class_names=tuple(sorted(next(iter(classes.values())))),
        labels=np.array(labels, dtype=np.int64),
        splits=splits,
        signature=files_signature(found),
        root=root,
        paths=tuple(path for path, _ in found),
    )


def _class_folders(folder: Path) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_dir() and not entry.name.startswith((".", "__MACOSX"))}


def _refuse_flat(folder: Path, split: str, inside: Sequence[FileEntry], items: Sequence[FileEntry]) -> None:
    if not inside:
        raise DataError(
            f"a split holds images ({', '.join(sorted(IMAGE_SUFFIXES))}) in a folder per class, and {folder} has none."
        )
    if not items:
        raise DataError(
            f"the label of an image is the name of its folder, and the {len(inside):,} images of the {split} split are "
            f"directly in {folder}. Sort them into one folder per class, named as in the other split; for the "
            "validation images of ImageNet, the public script valprep.sh does that."
        )


def _refuse_unreadable(folder: Path, without_images: set[str], *, to_train: bool) -> None:
    """Raise for class folders without readable images, whose class would vanish silently; an empty one is allowed."""
    bad = sorted(name for name in without_images if to_train or any(_files(folder / name)))
    if bad:
        raise DataError(
            f"class folders hold images ({', '.join(sorted(IMAGE_SUFFIXES))}), and in {folder} there are none in "
            f"{listed(bad)}. Convert their images, or remove these folders from every split."
        )


def _files(folder: Path) -> Iterator[str]:
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        yield from (name for name in names if name[0] != ".")


def _refuse_other_classes(root: Path, classes: Mapping[str, set[str]]) -> None:
    first = next(iter(classes))
    for split in classes:
        missing, strange = sorted(classes[first] - classes[split]), sorted(classes[split] - classes[first])
        if missing or strange:
            lacks = [f"lacks {listed(missing)}"] if missing else []
            lacks += [f"also has {listed(strange)}"] if strange else []
            raise DataError(
                f"every split has the same class folders, and of the {len(classes[first]):,} in "
                f"{root / first} {root / split} {' and '.join(lacks)}. Rename, add or remove "
                "folders; the folder of a class without images may be empty."
            )


def _split_folders(root: Path, files: Sequence[FileEntry]) -> dict[str, str]:
    """Top folder -> split; empty for a folder of classes.

    A folder is a split when it has the name of a split and all its images are in class folders of its own: a class
    called 'train', beside 'car' and 'plane', holds its images itself.
    """
    shallowest: dict[str, int] = {}
    for path, _ in files:
        top, slash, _rest = path.partition("/")
        if slash:
            shallowest[top] = min(shallowest.get(top, 99), path.count("/"))
    splits = {top: SPLIT_NAMES[top.lower()] for top, depth in shallowest.items() if _is_split(top, depth)}
    others = sorted(set(shallowest) - set(splits))
    if splits and others:
        raise DataError(
            f"a folder holds either splits or classes, and {root} has split folders {listed(sorted(splits))} beside "
            f"{listed(others)}, which are no splits or have images outside class folders. Move these out, or sort "
            "their images into class folders."
        )
    for split in set(splits.values()):
        same = sorted(top for top, name in splits.items() if name == split)
        if len(same) > 1:
            raise DataError(
                f"a split is one folder, and {root} has {listed(same)} for the {split} split. Keep one of them."
            )
    return splits


def _is_split(top: str, depth: int) -> bool:
    return top.lower() in SPLIT_NAMES and depth >= 2


def _refuse_empty_classes(folder: Path, with_images: set[str]) -> None:
    """Raise for class folders without readable images: their class would vanish silently."""
    subfolders = {entry.name for entry in os.scandir(folder) if entry.is_dir()}
    empty = sorted(name for name in subfolders - with_images if not name.startswith((".", "__MACOSX")))
    if empty:
        raise DataError(
            f"every class folder holds images ({', '.join(sorted(IMAGE_SUFFIXES))}), and in {folder} there are none "
            f"in {listed(empty)}. Convert their images, or move the folders out."
        )
