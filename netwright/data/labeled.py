"""Images whose labels are in a table and not in the names of their folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netwright.data.class_names_file import read_class_names
from netwright.data.data_ref import DataRef
from netwright.data.folder import FolderSource, files_signature, scan_images
from netwright.data.folder_tree import FileEntry, Folder, printable
from netwright.data.label_table import read_label_table
from netwright.data.layout import classes_folder
from netwright.data.reading import Ignored, Reading
from netwright.data.source import SPLIT_NAMES, listed
from netwright.data.split_names import split_of
from netwright.errors import DataError
from netwright.system.plural import count

__all__ = ["open_labeled"]

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Labeled:
    """An image with its label, by its place in the list of images."""

    place: int
    label: str
    split: str


def open_labeled(ref: DataRef) -> FolderSource:
    """Make a source of a folder and files of labels.

    A file of labels in the folder of a split (val/val_annotations.txt) labels the images of that split; the other
    splits have class folders. Of several files each names its split (train.csv, test.csv), or a column does.

    Args:
        ref: The folder, the files and the columns.

    Raises:
        DataError: A file cannot be read, an image has two labels, or no image that it names is there.
    """
    root = ref.root
    if not root.is_dir():
        raise DataError(f"--labels are of the images in a folder, and {root} is none. Correct --data_dir.")
    images = scan_images(root)
    finder = _Finder(images)
    labeled: dict[int, _Labeled] = {}
    missing: list[str] = []
    covered: set[str] = set()  # folders of splits whose labels are in files
    for path in ref.label_files:
        scope, split = _scope(root, path, several=len(ref.label_files) > 1)
        covered |= {scope.split("/")[0]} if scope else set()
        rows = read_label_table(
            path, image_column=ref.image_column, label_column=ref.label_column, split_column=ref.split_column
        )
        for row in rows:
            place = finder.find(row.image, root, scope)
            if place is None:
                missing.append(row.image)
                continue
            _add(labeled, _Labeled(place, row.label, row.split or split), images)
    if not labeled:
        raise _none_found(root, ref, missing, images)
    labels = _with_names(list(labeled.values()), ref.class_file)
    if covered:
        labels += _of_class_folders(root, covered, images)
    return _source(root, ref, images, labels, missing)


def _scope(root: Path, path: Path, *, several: bool) -> tuple[str, str]:
    """The folder of a split that a file of labels lies in, below the root, and the split of its images ('' for "
    "none)."""
    try:
        inside = path.resolve().parent.relative_to(root.resolve()).as_posix()
    except ValueError:
        inside = "."
    first = inside.split("/")[0]
    if inside != "." and (own := split_of(first)) is not None:
        return inside, own
    words = [word for word in _words(path.stem) if word in SPLIT_NAMES]
    return ("" if inside == "." else inside), SPLIT_NAMES[words[0]] if words and several else ""


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isalpha() else " " for letter in text.lower()).split()


class _Finder:
    """Finds images by what a table calls them: a path, or the name of a file, with or without its ending."""

    def __init__(self, images: Sequence[FileEntry]) -> None:
        self._listed = [path for path, _ in images]
        self._paths = {path: place for place, path in enumerate(self._listed)}
        self._names: dict[str, list[int]] = {}
        for path, place in self._paths.items():
            name = path.rpartition("/")[2]
            for key in {name, os.path.splitext(name)[0], os.path.splitext(path)[0]}:
                self._names.setdefault(key, []).append(place)

    def find(self, text: str, root: Path, scope: str) -> int | None:
        """The place of an image; None where it is not there. scope: the folder of the table below the root."""
        path = text.replace("\\", "/").removeprefix("./")
        if os.path.isabs(path):
            path = os.path.relpath(path, root.absolute())
        for candidate in (path, f"{scope}/{path}") if scope else (path,):
            if candidate in self._paths:
                return self._paths[candidate]
        # the end of a path: the table may name it from another folder
        name = path.rpartition("/")[2]
        found = self._names.get(path) or self._names.get(name) or []
        paths = self._listed
        inside = [place for place in found if not scope or paths[place].startswith(f"{scope}/")] or found
        ends = [place for place in inside if f"/{paths[place]}".endswith((f"/{path}", *self._with_endings(path)))]
        inside = ends or ([] if "/" in path else inside)
        if len(inside) > 1:
            raise DataError(
                f"a label belongs to one image, and {text!r} may be {listed([paths[place] for place in inside], 3)}. "
                "Write its path below the folder."
            )
        return inside[0] if inside else None

    @staticmethod
    def _with_endings(path: str) -> Iterable[str]:
        return tuple(f"/{path}{ending}" for ending in (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG"))


def _add(labeled: dict[int, _Labeled], new: _Labeled, images: Sequence[FileEntry]) -> None:
    known = labeled.setdefault(new.place, new)
    if known.label != new.label:
        raise DataError(
            f"an image has one label, and {images[new.place][0]!r} has {known.label!r} and {new.label!r}. Remove one "
            "line."
        )
    if known.split != new.split:
        raise DataError(
            f"an image is in one split, and {images[new.place][0]!r} is in {known.split!r} and {new.split!r}. Remove "
            "one line."
        )


def _with_names(labels: Sequence[_Labeled], class_file: Path | None) -> list[_Labeled]:
    """The same with names for numbers, where there is a file of names."""
    if class_file is None:
        return list(labels)
    names = read_class_names(class_file)
    wrong = next((each.label for each in labels if each.label not in names and not _is_number(each.label, names)), None)
    if wrong is not None:
        raise DataError(
            f"labels are names in {class_file} or numbers from 0 to {len(names) - 1}, and there is {wrong!r}. "
            "Correct the file given as --classes."
        )
    return [
        each if each.label in names else _Labeled(each.place, names[int(each.label)], each.split) for each in labels
    ]


def _is_number(label: str, names: Sequence[str]) -> bool:
    return label.isdecimal() and int(label) < len(names)


def _of_class_folders(root: Path, covered: set[str], images: Sequence[FileEntry]) -> list[_Labeled]:
    """The images of the other splits, whose labels are the names of their folders."""
    place = {path: number for number, (path, _) in enumerate(images)}
    found = []
    for folder in Folder(root).folders:
        split = split_of(folder.name)
        if split is None or folder.name in covered:
            continue
        for inside in classes_folder(folder).folders:
            name = printable(inside.name)
            if name.lower() not in ("images", "imgs"):  # a split without labels
                found += [_Labeled(place[path], name, split) for path, _ in inside.all_images()]
    return found


def _source(
    root: Path, ref: DataRef, images: Sequence[FileEntry], labels: Sequence[_Labeled], missing: Sequence[str]
) -> FolderSource:
    labels = sorted(labels, key=lambda each: images[each.place])
    splits = _splits(labels)
    values = {each.label for each in labels}
    numeric = all(value.isdecimal() for value in values)
    class_names = tuple(sorted(values, key=int) if numeric else sorted(values))
    number = {name: place for place, name in enumerate(class_names)}
    entries = [images[each.place] for each in labels]
    files = ", ".join(path.name for path in ref.label_files)
    notes = [f"labels from {files}"]
    known = {each.place for each in labels}
    unlabeled = [path for place, (path, _) in enumerate(images) if place not in known]
    return FolderSource(
        name=printable(root.resolve().name),
        class_names=class_names,
        labels=np.array([number[each.label] for each in labels], dtype=np.int64),
        splits={split: np.array(index, dtype=np.int64) for split, index in splits.items()},
        signature=files_signature(entries),
        root=root,
        paths=tuple(path for path, _ in entries),
        sizes=np.array([size for _, size in entries], dtype=np.int64),
        reading=Reading(tuple(notes), _ignored(unlabeled, missing), tuple(missing)),
    )


def _splits(labels: Sequence[_Labeled]) -> Mapping[str, list[int]]:
    splits: dict[str, list[int]] = {}
    for index, each in enumerate(labels):
        splits.setdefault(each.split or "all", []).append(index)
    if len(splits) > 1 and "all" in splits:
        raise DataError(
            f"either every label names a split or none does, and {count(len(splits['all']), 'label')} name none while "
            f"others are of {listed(sorted(set(splits) - {'all'}))}. Give a file of labels for each split."
        )
    strange = sorted(set(splits) - {"all", *SPLIT_NAMES.values()})
    if strange:
        raise DataError(f"a split is train, validation or test, and there is {listed(strange)}. Correct the column.")
    return dict(sorted(splits.items()))


def _ignored(unlabeled: Sequence[str], missing: Sequence[str]) -> tuple[Ignored, ...]:
    found = []
    if unlabeled:
        what = f"image{'s' * (len(unlabeled) != 1)} without a label"
        found.append(Ignored(len(unlabeled), what, tuple(map(printable, unlabeled[:_MOST_NAMED]))))
    if missing:
        what = f"label{'s' * (len(missing) != 1)} of images that are not there ({listed(list(missing), _MOST_NAMED)})"
        found.append(Ignored(len(missing), what, tuple(missing[:_MOST_NAMED])))
    return tuple(found)


def _none_found(root: Path, ref: DataRef, missing: Sequence[str], images: Sequence[FileEntry]) -> DataError:
    has = f"has {listed([path for path, _ in images], 3)}" if images else "has no images"
    return DataError(
        f"labels are of images in {root}, and of the {len(missing):,} that {ref.labels} names "
        f"({listed(list(missing), 3)}) none is there: it {has}. Correct --data_dir, or say which column has the "
        "path: --image_column NAME."
    )
