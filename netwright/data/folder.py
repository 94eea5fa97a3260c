"""Image folders: root/<split>/<class>/... or root/<class>/..., as torchvision's ImageFolder reads them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from netwright.data.class_folders import class_folders, refuse_other_classes
from netwright.data.file_kinds import IMAGE_SUFFIXES
from netwright.data.folder_tree import FileEntry, Folder, printable
from netwright.data.layout import Layout, classes_folder, find_layout, shown
from netwright.data.reading import Reading, ignored_of
from netwright.data.source import IntArray, LabeledImage, SourceBase, listed
from netwright.data.split_names import split_of
from netwright.errors import DataError
from netwright.system.plural import count

__all__ = [
    "IMAGE_SUFFIXES",
    "FileEntry",
    "FolderSource",
    "files_signature",
    "open_folder",
    "open_split_folders",
    "scan_files",
    "scan_images",
]

_VALPREP = "; for the validation images of ImageNet, the public script valprep.sh does that"


@dataclass(frozen=True, slots=True, eq=False)
class FolderSource(SourceBase):
    """A source whose images are files below a root folder.

    Attributes:
        root: The folder.
        paths: The path of each image below the root.
        sizes: (N,) int64 bytes of each.
        reading: How the folder was read.
    """

    root: Path
    paths: tuple[str, ...]
    sizes: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    reading: Reading = field(default_factory=Reading)

    def item_name(self, index: int) -> str:
        return printable(self.paths[index])

    def read(self, index: int) -> LabeledImage:
        path = self.paths[index]
        return LabeledImage((self.root / path).read_bytes(), int(self.labels[index]), printable(path))


def scan_files(root: Path, suffixes: frozenset[str] | None) -> list[FileEntry]:
    """List the files below a folder that have one of the suffixes in either case, sorted; hidden names are left out.

    suffixes: None lists all.

    Raises:
        DataError: The folder cannot be read.
    """
    try:
        return sorted(_walk(root, "", suffixes, frozenset()))
    except OSError as error:
        raise DataError(f"{root} cannot be read: {error}. Check the folder and its permissions.") from error


def scan_images(root: Path) -> list[FileEntry]:
    """List the images below a folder, sorted: known by their endings or their content, without our own run folders.

    Raises:
        DataError: The folder cannot be read.
    """
    return Folder(root).all_images()


def _walk(
    folder: Path, prefix: str, suffixes: frozenset[str] | None, above: frozenset[tuple[int, int]]
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
            elif (suffixes is None or os.path.splitext(entry.name)[1].lower() in suffixes) and entry.is_file():
                yield prefix + entry.name, entry.stat().st_size


def files_signature(files: Sequence[FileEntry]) -> str:
    """A hash of the files' names and sizes."""
    digest = hashlib.sha256()
    for path, size in files:
        digest.update(f"{path}\0{size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def open_folder(root: Path | Folder) -> FolderSource:
    """Make a source of all images of a folder.

    Args:
        root: The folder; it has images.

    Raises:
        DataError: The folders are no clear layout of splits and classes.
    """
    layout = find_layout(root)
    if not layout.splits:
        return _make_source(layout, {"all": layout.base}, is_lenient=False)
    by_split: dict[str, list[str]] = {}
    for name in layout.splits:
        by_split.setdefault(split_of(name) or name, []).append(name)
    for split, same in by_split.items():
        if len(same) > 1:
            raise DataError(
                f"a split is one folder, and {layout.root.path} has {listed(sorted(same))} for the {split} split. Keep "
                "one of them."
            )
    return _make_source(layout, {split: layout.splits[same[0]] for split, same in by_split.items()}, is_lenient=False)


def open_split_folders(layout: Layout, folders: Sequence[str]) -> FolderSource:
    """Make a source of some folders of classes, each of which is a split of that name.

    All splits have the same class folders; only those of the training split need images.

    Args:
        layout: Of the folder above.
        folders: Names of the splits' folders; the one to train on first.

    Raises:
        DataError: Images of a split are in no class folder, or the class folders of two splits differ.
    """
    chosen: dict[str, Folder] = {}
    for name in folders:
        split = layout.splits.get(name)
        if split is None:  # of any name, when it is asked for
            split = Folder(layout.base.path / name, f"{layout.base.prefix}{name}/")
            _refuse_flat(split)
            split = classes_folder(split)
        chosen[name] = split
    source = _make_source(replace(layout, notes=(*layout.notes, *_unread(layout, chosen))), chosen, is_lenient=True)
    unread = tuple(name for name in layout.splits if name not in chosen)
    return replace(source, reading=replace(source.reading, unread=unread))


def _unread(layout: Layout, chosen: Mapping[str, Folder]) -> list[str]:
    """Splits that are there and not read, with their images; where only a small split is read, the rest takes long."""
    if not any(split_of(name) == "train" for name in chosen):
        return []
    unread = {shown(folder): folder for name, folder in layout.splits.items() if name not in chosen}
    unlabeled = [f"{printable(path)} is not read: {why}" for path, why in layout.left_out.items()]
    return [
        *(f"{path} is not read here: {count(len(each.all_images()), 'image')}" for path, each in unread.items()),
        *unlabeled,
    ]


def _make_source(layout: Layout, splits: Mapping[str, Folder], *, is_lenient: bool) -> FolderSource:
    """A source of these splits. is_lenient: class folders may be empty in other splits than the one to train on."""
    first = next(iter(splits))
    classes: dict[str, dict[str, str]] = {}
    found: list[tuple[str, int, str, str]] = []
    for split, folder in splits.items():
        to_train = not is_lenient or split_of(split) == "train" or (len(splits) > 1 and split == first)
        classes[split] = class_folders(folder, layout.left_out, to_train=to_train)
        part = [
            (path, size, classes[split][inside.name], split)
            for inside in folder.folders
            if inside.name in classes[split]
            for path, size in inside.all_images()
        ]
        found += sorted(part)
    in_order = sorted(classes, key=lambda split: split_of(split) != "train")
    there = {splits[split].path: set(classes[split].values()) for split in in_order}
    refuse_other_classes(there, may_be_empty=is_lenient)
    if not is_lenient:  # in one order of all images, which older populations know by their signature
        found.sort()
    class_names = tuple(sorted({name for names in classes.values() for name in names.values()}))
    number = {name: label for label, name in enumerate(class_names)}
    origin = np.array([split for *_, split in found])
    read = [layout.root] if not is_lenient else list(splits.values())
    return FolderSource(
        name=printable(layout.root.path.resolve().name),
        class_names=class_names,
        labels=np.array([number[name] for _, _, name, _ in found], dtype=np.int64),
        splits={
            split: np.flatnonzero(origin == split).astype(np.int64)
            for split in (splits if is_lenient else sorted(splits))
        },
        signature=files_signature([(path, size) for path, size, *_ in found]),
        root=layout.root.path,
        paths=tuple(path for path, *_ in found),
        sizes=np.array([size for _, size, *_ in found], dtype=np.int64),
        reading=Reading(layout.notes, ignored_of(read, splits.values(), layout.left_out)),
    )


def _refuse_flat(split: Folder) -> None:
    if not split.has_images:
        raise DataError(
            f"a split holds images ({', '.join(sorted(IMAGE_SUFFIXES))}) in a folder per class, and {split.path} has "
            "none."
        )
    if not classes_folder(split).has_image_folders:
        raise DataError(
            f"the label of an image is the name of its folder, and the {len(split.all_images()):,} images of the "
            f"{split.name} split are directly in {split.path}. Sort them into one folder per class, named as in the "
            f"other split{_VALPREP if split_of(split.name) == 'validation' else ''}."
        )
