"""The class folders of a split, and whether all splits have the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from netwright.data.file_kinds import IMAGE_SUFFIXES
from netwright.data.folder_tree import Folder, printable
from netwright.data.source import listed
from netwright.errors import DataError
from netwright.system.suggest import nearest

__all__ = ["class_folders", "refuse_other_classes"]


def class_folders(split: Folder, left_out: Mapping[str, str], *, to_train: bool) -> dict[str, str]:
    """Folder name -> class, of the folders in a split. A folder with files but no image of any format is no class.

    Args:
        split: Holds them.
        left_out: Folders that are not read.
        to_train: Each class has images; else an empty folder is a class too.

    Raises:
        DataError: A class would vanish silently: its folder is empty, or has only images that cannot be read.
    """
    found, bad = {}, []
    for folder in split.folders:
        if folder.prefix in left_out:
            continue
        if folder.has_images or (folder.is_empty and not to_train):
            found[folder.name] = printable(folder.name)
        elif folder.is_empty or folder.has_unreadable:
            bad.append(printable(folder.name))
    if bad:
        raise DataError(
            f"every class folder holds images ({', '.join(sorted(IMAGE_SUFFIXES))}), and in {split.path} there are "
            f"none in {listed(bad)}. Convert their images, or move the folders out of every split."
        )
    names = list(found.values())
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(
            f"a class is one folder of a split, and in {split.path} several are read as {listed(twice)}: their names "
            "differ only in how accents are stored. Join them."
        )
    return found


def refuse_other_classes(classes: Mapping[Path, set[str]], *, may_be_empty: bool) -> None:
    """Raise where the splits have other classes.

    Args:
        classes: Folder of a split -> its classes; the others are compared with the first one's.
        may_be_empty: Whether class folders may be, in a split that is not trained on.

    Raises:
        DataError: They differ; names that look like a typing mistake are said.
    """
    first = next(iter(classes))
    empty = "; the folder of a class without images may be empty" if may_be_empty else ""
    for split in classes:
        missing, strange = sorted(classes[first] - classes[split]), sorted(classes[split] - classes[first])
        if missing or strange:
            lacks = [f"lacks {listed(missing)}"] if missing else []
            lacks += [f"also has {listed(strange)}"] if strange else []
            raise DataError(
                f"every split has the same class folders, and {split} {' and '.join(lacks)}"
                f"{_typos(missing, strange)}, unlike {first}, which has {len(classes[first]):,}. Rename, add or remove "
                f"folders{empty}."
            )


def _typos(missing: list[str], strange: list[str]) -> str:
    pairs = [(name, near[0]) for name in strange if (near := nearest(name, missing))]
    if not pairs:
        folded = {each.casefold().strip(): each for each in missing}
        pairs = [(name, folded[key]) for name in strange if (key := name.casefold().strip()) in folded]
    said = ", ".join(f"{name!r} for {meant!r}" for name, meant in pairs[:4])
    return f" (a typing mistake? {said})" if said else ""
