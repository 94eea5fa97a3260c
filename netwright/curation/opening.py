"""Open a data set to check it, also one that no other command would read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netwright.curation.findings import Finding, Group
from netwright.data.data_path import is_digits
from netwright.data.folder import FolderSource, files_signature
from netwright.data.folder_tree import printable
from netwright.data.layout import find_layout
from netwright.data.reading import Reading, ignored_of
from netwright.data.source import ImageSource
from netwright.data.sources import open_source
from netwright.data.split_names import split_of
from netwright.errors import DataError

__all__ = ["open_to_check"]


def open_to_check(data_dir: str | Path) -> tuple[ImageSource, list[Finding]]:
    """Open a data set; where it is folders of classes that no command reads, each image with its folder as its class.

    Args:
        data_dir: As in `open_source`.

    Returns:
        The images, and why other commands refuse them, if they do.

    Raises:
        DataError: There are no images, or not even folders of classes.
    """
    try:
        return open_source(data_dir), []
    except DataError as error:
        root = Path(data_dir).expanduser()
        if is_digits(data_dir) or not root.is_dir():
            raise
        try:
            source, found = _every_folder(root)
        except DataError:
            raise error from None
        if not len(source.labels):
            raise
        text = f"{error} Until then no command trains on these images."
        return source, [Finding("layout", "error", "a layout that is refused", text), *found]


def _every_folder(root: Path) -> tuple[FolderSource, list[Finding]]:
    layout = find_layout(root)
    splits = dict(layout.splits) or {"all": layout.base}
    names: dict[str, set[str]] = {}
    images: list[tuple[str, int, str, str]] = []
    for split, folder in splits.items():
        names[split] = {printable(inside.name) for inside in folder.folders if inside.prefix not in layout.left_out}
        images += [
            (path, size, printable(inside.name), split_of(split) or split)
            for inside in folder.folders
            if inside.prefix not in layout.left_out
            for path, size in inside.all_images()
        ]
    images.sort()
    classes = tuple(sorted(set().union(*names.values())))
    label = {name: number for number, name in enumerate(classes)}
    origin = np.array([split for *_, split in images])
    source = FolderSource(
        name=printable(root.resolve().name),
        class_names=classes,
        labels=np.array([label[name] for _, _, name, _ in images], dtype=np.int64),
        splits={split: np.flatnonzero(origin == split).astype(np.int64) for split in sorted(set(origin.tolist()))},
        signature=files_signature([(path, size) for path, size, *_ in images]),
        root=root,
        paths=tuple(path for path, *_ in images),
        sizes=np.array([size for _, size, *_ in images], dtype=np.int64),
        reading=Reading(layout.notes, ignored_of([layout.root], splits.values(), layout.left_out)),
    )
    return source, _differences(names)


def _differences(names: dict[str, set[str]]) -> list[Finding]:
    """Classes that some splits have and others have not."""
    groups = [
        Group((), (name,), f"in {' and '.join(sorted(has))}, not in {' and '.join(sorted(set(names) - has))}")
        for name in sorted(set().union(*names.values()))
        if len(has := {split for split, own in names.items() if name in own}) < len(names)
    ]
    if not groups:
        return []
    text = "every split has the same class folders, and these are not in all. Rename, add or remove folders."
    return [Finding("class_folders", "error", "classes that differ between splits", text, groups)]
