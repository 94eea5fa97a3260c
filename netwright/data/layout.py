"""How a folder of images is laid out: which folders are splits, which are classes. One reading for every command.

What can be read in one way only is read so, and said. What can be read in two ways is refused with both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from netwright.data.file_kinds import IMAGE_SUFFIXES, UNREADABLE
from netwright.data.folder_tree import Folder, printable
from netwright.data.heif import heif_cure
from netwright.data.source import listed
from netwright.data.split_names import find_splits, is_unlabeled_name, split_of
from netwright.errors import DataError

__all__ = ["Layout", "classes_folder", "find_layout", "no_images", "shown"]

# words in the name of a folder that holds a data set; no class is called so
_CONTAINERS = frozenset({"archive", "data", "dataset", "datasets", "images", "imgs", "photos", "pictures"})
# what lies at the top of a repository, not of a folder of classes
_REPOSITORY = ("license", "makefile", "readme", "requirements", "setup.py")
_SCRIPTS = (".ipynb", ".lua", ".m", ".py", ".sh")
_COPY = "a second copy of the folders beside it, file by file"
_MOST_BESIDE, _MOST_INSIDE = 200, 10  # names that a hint looks at
_FEW = 0.05  # of the images: pictures of a repository's documentation


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A folder, read.

    Attributes:
        root: As given.
        base: The folder that holds the splits or the classes.
        splits: Name of a split's folder -> the folder that holds its classes; empty where there are no splits.
        unlabeled: Name -> a split that holds images directly.
        notes: Sentences about what was taken for what.
        left_out: Folder -> why its images are not read.
    """

    root: Folder
    base: Folder
    splits: Mapping[str, Folder]
    unlabeled: Mapping[str, Folder]
    notes: tuple[str, ...]
    left_out: Mapping[str, str]


def find_layout(root: Path | Folder, asked: Collection[str] = ()) -> Layout:
    """Read the layout of a folder that has images.

    Args:
        root: The folder, or a tree of one that is listed otherwise.
        asked: Names of folders that are splits because a user says so.

    Raises:
        DataError: It can be read in two ways, or no image has a label.
    """
    top = base = root if isinstance(root, Folder) else Folder(root)
    root = top.path
    while not asked and (below := _only_folder(base)) is not None:
        base = below
    notes = [f"read from {shown(base)}, the only folder in {root.name or root} with images"] if base is not top else []
    folders = base.labeled
    if not folders:
        many = sum(1 for _ in base.images)
        where = "" if base is top else f" (in {shown(base)})"
        raise DataError(
            f"the label of an image is the name of its folder, and the {many:,} images of {root}{where} are in no "
            f"class folder. Sort them into one folder per class{_table_hint(base)}.{_parent_hint(root)}"
        )
    names = {*find_splits([folder.name for folder in base.folders]), *asked}
    named = [folder for folder in folders if folder.name in names]
    splits = [folder for folder in named if classes_folder(folder).has_image_folders]
    flat = [folder for folder in named if folder not in splits]
    others = [folder for folder in folders if folder.name not in names]
    if splits:
        return _with_splits(top, base, splits, flat, others, notes)
    return _with_classes(top, base, flat, others, notes)


def shown(folder: Folder) -> str:
    """A folder for a message: its path below the root."""
    return printable(folder.prefix) or f"{folder.path}/"


def _only_folder(base: Folder) -> Folder | None:
    """The only folder with images, if it holds folders of images itself: archive/dataset/dataset/<class>."""
    folders = base.labeled
    if len(folders) != 1 or not folders[0].has_image_folders:
        return None
    if any(each.has_unreadable for each in base.folders if each is not folders[0]):
        return None
    is_split = folders[0].name in find_splits([each.name for each in base.folders])
    return None if is_split else folders[0]


def _with_splits(
    top: Folder, base: Folder, splits: list[Folder], flat: list[Folder], others: list[Folder], notes: list[str]
) -> Layout:
    left_out = {}
    for folder in list(others):
        if _is_unlabeled(folder):
            others.remove(folder)
            left_out[folder.prefix] = "its images have no class folders"
        elif (holder := _holder(folder)).has_image_folders and _same_files(
            base, holder, {each.name for each in holder.labeled} & {each.name for each in splits}
        ):
            others.remove(folder)
            left_out[folder.prefix] = _COPY
    training = [folder for folder in flat if split_of(folder.name) == "train"]
    if training:
        raise _unsorted(training, beside=splits)
    if others:
        raise DataError(
            f"a folder holds either splits or classes, and {base.path} has split folders "
            f"{listed(sorted(printable(each.name) for each in splits))} beside "
            f"{listed([printable(each.name) for each in others])}, which are no splits or have images outside class "
            "folders. Move these out, or sort their images into class folders."
        )
    for folder in flat:
        left_out[folder.prefix] = "its images have no class folders: nothing can be measured on them"
    found = {}
    for folder in splits:
        inner = classes_folder(folder)
        found[folder.name] = inner
        if inner is not folder:
            notes.append(f"the classes of {shown(folder)} are the folders of {shown(inner)}")
    renamed = [
        f"{printable(name)} is the {split_of(name)} split"
        for name in found
        if split_of(name) not in (None, name.lower())
    ]
    notes += ["; ".join(renamed)] if renamed else []
    return Layout(top, base, found, {folder.name: folder for folder in flat}, tuple(notes), left_out)


def classes_folder(split: Folder) -> Folder:
    """The folder that holds the classes of a split: seg_train/seg_train, train/images; else the split itself.

    Where it holds images directly, so does the split.
    """
    while (inside := split.only_folder) is not None:
        name, again = inside.name.lower(), split.name.lower()
        if not (name in (again, *_CONTAINERS) or (split_of(name) and split_of(name) == split_of(again))):
            break
        split = inside
    return split


def _is_unlabeled(folder: Folder) -> bool:
    """Whether its name says that its images are to be predicted, and none is in a class folder: seg_pred."""
    return is_unlabeled_name(folder.name) and not classes_folder(folder).has_image_folders


def _with_classes(top: Folder, base: Folder, flat: list[Folder], others: list[Folder], notes: list[str]) -> Layout:
    kinds = {split_of(folder.name) for folder in flat}
    if flat and (not others or ("train" in kinds and len(kinds) > 1)):
        raise _unsorted(flat)
    # a class called 'train', beside 'car' and 'plane', is one; images to test on, beside classes, are unlabeled
    unlabeled = [folder for folder in flat if split_of(folder.name) != "train"]
    unlabeled += [each for each in others if _is_unlabeled(each)]
    classes = [folder for folder in (*flat, *others) if folder not in unlabeled]
    if unlabeled and len(classes) < 2:
        names = listed([printable(each.name) for each in (*classes, *unlabeled)])
        raise DataError(
            f"a classifier needs at least 2 classes, and of {names} in {base.path} "
            f"{listed([printable(each.name) for each in unlabeled])} may be images to test on, without labels, or "
            "classes. Move them out, or rename them if they are classes."
        )
    left_out = {each.prefix: "images directly in it, beside class folders: taken as unlabeled" for each in unlabeled}
    left_out |= _refuse_containers(base, classes)
    notes += [
        f"the class {printable(each.name)} takes the images of {len(each.labeled)} folders in it "
        f"({', '.join(printable(inner.name) for inner in each.labeled[:3])}{', ...' * (len(each.labeled) > 3)})"
        for each in classes
        if len(each.labeled) > 1 and each.prefix not in left_out
    ][:3]
    return Layout(top, base, {}, {each.name: each for each in unlabeled}, tuple(notes), left_out)


def _unsorted(flat: Sequence[Folder], beside: Sequence[Folder] = ()) -> DataError:
    """Splits that hold images directly."""
    for folder in flat:
        if {"images", "labels"} <= {each.name.lower() for each in folder.folders}:
            return DataError(
                f"the label of an image is the name of its folder, and {folder.path} has the folders 'images' and "
                "'labels' of a data set for object detection. Export it for classification: one folder per class."
            )
    parent, first = flat[0].path.parent, shown(flat[0])
    cure = (
        f"Sort them into one folder per class{_table_hint(Folder(parent), *flat)}. In each split these have the same "
        f"names, such as {first}cat/ and {first}dog/."
    )
    if len(flat) == 1 and beside:
        return DataError(
            f"the label of an image is the name of its folder, and the {len(flat[0].all_images()):,} images of the "
            f"{flat[0].name} split are directly in {flat[0].path}. {cure}"
        )
    counts = " and ".join(f"{len(folder.all_images()):,} are directly in {shown(folder)}" for folder in flat)
    return DataError(
        f"the label of an image is the name of its folder, and of the images of {parent}, {counts}. {cure} If these "
        "are classes and not splits, rename them."
    )


def _table_hint(*folders: Folder) -> str:
    """What to do with a table of labels beside unsorted images."""
    names = [name for folder in folders for found in folder.others.values() for name in found]
    tables = [name for name in names if name.lower().endswith((".csv", ".tsv", ".xlsx", ".json", ".jsonl"))]
    return f", or give their labels as --labels {printable(tables[0])}" if tables else ""


def _parent_hint(root: Path) -> str:
    """The folder above, where this one may be one of its classes; few names are read, as there may be a whole disk."""
    path = root.resolve()
    try:
        beside = [each for each in islice(path.parent.iterdir(), _MOST_BESIDE) if each.is_dir() and each != path]
        has_class = any(
            inner.suffix.lower() in IMAGE_SUFFIXES for each in beside for inner in islice(each.iterdir(), _MOST_INSIDE)
        )
    except OSError:
        return ""
    return f" If {path.name!r} is one class of several, give the folder that holds all, {path.parent}." * has_class


def _refuse_containers(base: Folder, classes: Sequence[Folder]) -> dict[str, str]:
    """Raise where one of the folders is the data set itself; folders that are copies of all the others."""
    if len(classes) < 2:
        return {}
    names = {each.name for each in classes}
    copies: dict[str, str] = {}
    for folder in classes:
        holder = _holder(folder)
        inner = {each.name for each in holder.labeled}
        if len(inner) < 2:
            continue
        rest = names - {folder.name}
        if inner == rest and len(rest) > 1:
            if _same_files(base, holder, rest):
                copies[folder.prefix] = _COPY
                continue
            raise DataError(_did_you_mean(base, folder, holder, "has folders of the same names as those beside it"))
        if any(word in _CONTAINERS for word in folder.name.lower().replace("_", "-").replace(" ", "-").split("-")):
            raise DataError(_did_you_mean(base, folder, holder, "has a folder per class itself"))
        if _is_repository(base) and _holds_nearly_all(folder, classes):
            raise DataError(_did_you_mean(base, folder, holder, "has nearly all images, in a folder per class"))
    return copies


def _holder(folder: Folder) -> Folder:
    """The folder itself, or the one in it that has several."""
    while (below := folder.only_folder) is not None and below.has_image_folders:
        folder = below
    return folder


def _did_you_mean(base: Folder, folder: Folder, holder: Folder, why: str) -> str:
    beside = listed([printable(each.name) for each in base.labeled if each is not folder], 4)
    inner = listed([printable(each.name) for each in holder.labeled], 4)
    return (
        f"the folders of a data folder are its classes or its splits, and in {base.path} {printable(folder.name)!r} "
        f"{why} ({inner}), beside {beside}: did you mean {holder.path}? If {printable(folder.name)!r} is a class, "
        "rename it or join its folders."
    )


def _is_repository(base: Folder) -> bool:
    if (base.path / ".git").exists():
        return True
    names = [name.lower() for found in base.others.values() for name in found]
    return any(name.startswith(_REPOSITORY) or name.endswith(_SCRIPTS) for name in names)


def _holds_nearly_all(folder: Folder, classes: Sequence[Folder]) -> bool:
    counts = {each.name: len(each.all_images()) for each in classes}
    return sum(counts.values()) - counts[folder.name] <= _FEW * counts[folder.name]


def _same_files(base: Folder, folder: Folder, names: set[str]) -> bool:
    """Whether a folder holds the files of these folders beside it, by name and size."""
    inside = {(path.removeprefix(folder.prefix), size) for path, size in folder.all_images()}
    beside = [entry for each in base.folders if each.name in names for entry in each.all_images()]
    return inside == {(path.removeprefix(base.prefix), size) for path, size in beside}


def no_images(root: Path | Folder, kinds: str) -> DataError:
    """The error for a folder without images. kinds: what to give instead."""
    folder = root if isinstance(root, Folder) else Folder(root)
    root = folder.path
    formats = ", ".join(sorted(IMAGE_SUFFIXES))
    unread = [name for each in folder.walk() for name in each.others.get(UNREADABLE, [])]
    if unread:
        return DataError(
            f"there are no images below {root} of a format that is read ({formats}), but {len(unread):,} that are not: "
            f"{listed([printable(name) for name in unread], 3)}. Convert them to JPEG or PNG{heif_cure(unread)}."
        )
    if folder.is_run:
        return DataError(f"{root} was made by netwright and holds results, no images to train on. {kinds}.")
    if folder.runs:
        run = ", ".join(shown(each) for each in folder.runs[:3])
        return DataError(f"there are no images below {root} but in results of netwright ({run}). {kinds}.")
    return DataError(f"there are no images below {root} ({formats}). {kinds}.")
