"""ImageNet-1K as it is published: a tar of a tar for each class, a tar of validation images, and their labels."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path
from typing import Any, cast

import numpy as np

from netwright.data.folder import files_signature
from netwright.data.packed import PLAIN, PackedSource, Places
from netwright.data.source import listed
from netwright.data.tar_index import TarMember, tar_members
from netwright.errors import DataError

__all__ = ["find_imagenet", "open_imagenet"]

_TRAIN, _VAL = "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"
_DEVKIT = "ILSVRC2012_devkit_t12.tar.gz"
_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
# files with the class of each validation image, as others publish them: in the order of the images, or with their names
_LABELS = ("imagenet_2012_validation_synset_labels.txt", "LOC_val_solution.csv", "val_labels.txt")
_CURE = f"Put {_DEVKIT} beside it, or a text file {_LABELS[0]} with a class a line"


def find_imagenet(root: Path) -> bool:
    """Whether a folder has the published archives."""
    return any((root / name).is_file() for name in (_TRAIN, _VAL))


def open_imagenet(root: Path) -> PackedSource:
    """Make a source of the archives in a folder; nothing is unpacked.

    Raises:
        DataError: An archive is damaged, or the labels of the validation images are missing.
    """
    files, rows = [], []
    if (root / _TRAIN).is_file():
        files.append(root / _TRAIN)
        rows += [("train", synset, member, 0) for synset, member in _training(root / _TRAIN)]
    if (root / _VAL).is_file():
        images = sorted(tar_members(root / _VAL), key=lambda member: member.name)
        synsets = _validation_labels(root, [member.name for member in images])
        rows += [("validation", *pair, len(files)) for pair in zip(synsets, images, strict=True)]
        files.append(root / _VAL)
    names = tuple(sorted({synset for _, synset, *_ in rows}))
    number = {name: place for place, name in enumerate(names)}
    origin = np.array([split for split, *_ in rows])
    items = tuple(f"{split}/{synset}/{member.name.rpartition('/')[2]}" for split, synset, member, _ in rows)
    return PackedSource(
        root.resolve().name,
        names,
        np.array([number[synset] for _, synset, *_ in rows], dtype=np.int64),
        {split: np.flatnonzero(origin == split).astype(np.int64) for split in sorted(set(origin.tolist()))},
        files_signature([(item, member.size) for item, (_, _, member, _) in zip(items, rows, strict=True)]),
        items,
        Places(
            tuple(files),
            np.array([file for *_, file in rows], dtype=np.int64),
            np.array([member.offset for _, _, member, _ in rows], dtype=np.int64),
            np.array([member.size for _, _, member, _ in rows], dtype=np.int64),
            np.full(len(rows), PLAIN, dtype=np.uint8),
        ),
    )


def _training(path: Path) -> list[tuple[str, TarMember]]:
    """(class, image) of the tar of tars, sorted."""
    found = []
    for inner in tar_members(path):
        synset, point, ending = inner.name.rpartition("/")[2].partition(".")
        if ending != "tar" or not point:
            raise DataError(f"{path} has a tar for each class, and in it is {inner.name}. Download it again.")
        found += [(synset, member) for member in tar_members(path, inner.offset, inner.size)]
    return sorted(found, key=lambda pair: (pair[0], pair[1].name))


def _validation_labels(root: Path, images: list[str]) -> list[str]:
    """The class of each validation image, of images sorted by name."""
    for name in _LABELS:
        if (root / name).is_file():
            lines = [line.strip() for line in (root / name).read_text(encoding="utf-8").splitlines() if line.strip()]
            return _by_name(lines, images, root / name)
    if (root / _DEVKIT).is_file():
        return _of_devkit(root / _DEVKIT, len(images))
    raise DataError(f"the validation images of ImageNet need their labels, and {root} has none. {_CURE}.")


def _by_name(lines: list[str], images: list[str], path: Path) -> list[str]:
    synset = [re.search(r"n\d{8}", line) for line in lines]
    if len(synset) > 1 and synset[0] is None:  # a heading
        lines, synset = lines[1:], synset[1:]
    if not all(synset) or len(lines) != len(images):
        raise DataError(
            f"{path} has a class such as n01440764 for each of the {len(images):,} validation images, and here there "
            f"are {sum(map(bool, synset)):,}. {_CURE}."
        )
    labels = [each[0] for each in synset if each is not None]
    names = [re.match(r"[^\s,;]*val[^\s,;]*", line) for line in lines]
    if not all(names):
        return labels
    known = {each[0].partition(".")[0]: label for each, label in zip(names, labels, strict=True) if each is not None}
    stems = [name.rpartition("/")[2].partition(".")[0] for name in images]
    missing = [stem for stem in stems if stem not in known]
    if missing:
        raise DataError(f"{path} lacks {listed(missing, 3)}. Download it again.")
    return [known[stem] for stem in stems]


def _of_devkit(path: Path, images: int) -> list[str]:
    """Class numbers of the validation images, and the class of each number, of the development kit."""
    from scipy.io import loadmat

    content: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in (_TRUTH, "meta.mat") and (file := tar.extractfile(member)) is not None:
                    content[name] = file.read()
        numbers = [int(line) for line in content[_TRUTH].split()]
        meta: Any = loadmat(cast("Any", io.BytesIO(content["meta.mat"])), squeeze_me=True)
        rows = np.atleast_1d(meta["synsets"])
        synset = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in rows}
        labels = [synset[number] for number in numbers]
    except (OSError, EOFError, tarfile.TarError, KeyError, ValueError, IndexError) as error:
        raise DataError(
            f"{path} is not ImageNet's development kit as published: {error}. Download it again."
        ) from error
    if len(labels) != images:
        raise DataError(f"{path} has the labels of {len(labels):,} validation images, and there are {images:,}.")
    return labels
