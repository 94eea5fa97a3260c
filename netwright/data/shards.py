"""Tar shards in WebDataset's layout: files of one stem are one sample, 0001.jpg with 0001.cls or 0001.json."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from netwright.data.class_names_file import read_class_names
from netwright.data.file_kinds import IMAGE_SUFFIXES
from netwright.data.folder import files_signature
from netwright.data.packed import PLAIN, PackedSource, Places
from netwright.data.source import SPLIT_NAMES, listed
from netwright.data.tar_index import TarMember, tar_members
from netwright.errors import DataError

__all__ = ["expanded", "has_samples", "open_shards", "split_of_shard"]

_LABELS = (".cls", ".json", ".txt")  # the first of these that a sample has is its label
_KEYS = ("label", "class", "cls", "class_id", "target", "class_name")  # of a .json
_CLASS_FILES = ("classes.txt", "class_names.txt", "classnames.txt", "labels.txt")
_LOOKED_AT = 64  # members of a tar that tell shards from an archive of folders
_MOST_LABEL_BYTES = 1 << 20


class _Sample(NamedTuple):
    name: str
    shard: int
    image: TarMember
    label: str


def has_samples(path: Path) -> bool:
    """Whether a tar holds samples: near its beginning an image has a label of the same stem."""
    stems: dict[str, set[str]] = {}
    for place, member in enumerate(tar_members(path)):
        if place >= _LOOKED_AT:
            break
        stem, ending = _stem(member.name)
        kinds = stems.setdefault(stem, set())
        kinds.add("image" if _is_image(ending) else "label" if ending in _LABELS else ending)
        if {"image", "label"} <= kinds:
            return True
    return False


def expanded(text: str) -> list[str]:
    """Addresses or paths of shards: a-{000..146}.tar stands for 147 of them, {train,val} for two."""
    if (found := re.search(r"\{(\d+)\.\.(\d+)\}", text)) is not None:
        first, last = found[1], found[2]
        numbers: Iterable[str] = (f"{n:0{len(first)}d}" for n in range(int(first), int(last) + 1))
    elif (found := re.search(r"\{([^{}]*,[^{}]*)\}", text)) is not None:
        numbers = found[1].split(",")
    else:
        return [text]
    return [each for n in numbers for each in expanded(text[: found.start()] + n + text[found.end() :])]


def split_of_shard(name: str) -> str:
    """The split that the name of a shard or its folder says; 'all' where it says none."""
    words = [word for part in reversed(name.lower().split("/")) for word in re.findall("[a-z]+", part)]
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "all")


def open_shards(
    files: Sequence[Path], *, name: str, names: Sequence[str] | None = None, class_file: Path | None = None
) -> PackedSource:
    """Make a source of shards.

    Args:
        files: The tars, in their order.
        name: Of the data set.
        names: What a person finds each shard by, and what says its split; by default the names of the files.
        class_file: A file with a class name a line, for labels that are numbers; by default one beside the shards.

    Raises:
        DataError: A shard is damaged, or a label is missing.
    """
    shown = [path.name for path in files] if names is None else list(names)
    samples = [sample for place, path in enumerate(files) for sample in _samples(path, place)]
    if not samples:
        raise DataError(f"there are no images with labels in {listed(shown, 3)}. Give shards in WebDataset's layout.")
    class_names, labels = _numbered([sample.label for sample in samples], _class_names(files, class_file), shown[0])
    splits = [split_of_shard(each) for each in shown]
    if len(set(splits)) > 1 and "all" in splits:
        raise DataError(
            f"either every shard names its split or none does, and {shown[splits.index('all')]} names none while "
            "others do. Rename it, or move it out."
        )
    origin = np.array([splits[sample.shard] for sample in samples])
    places = Places(
        tuple(files),
        np.array([sample.shard for sample in samples], dtype=np.int64),
        np.array([sample.image.offset for sample in samples], dtype=np.int64),
        np.array([sample.image.size for sample in samples], dtype=np.int64),
        np.full(len(samples), PLAIN, dtype=np.uint8),
    )
    items = tuple(f"{shown[sample.shard]}:{sample.name}" for sample in samples)
    return PackedSource(
        name,
        class_names,
        labels,
        {split: np.flatnonzero(origin == split).astype(np.int64) for split in sorted(set(splits))},
        files_signature([(item, sample.image.size) for item, sample in zip(items, samples, strict=True)]),
        items,
        places,
    )


def _samples(path: Path, shard: int) -> list[_Sample]:
    """The samples of a shard; members of a sample follow each other."""
    found: list[_Sample] = []
    parts: dict[str, TarMember] = {}
    stem = ""

    def finish(file: BinaryIO) -> None:
        image = next((parts[ending] for ending in sorted(parts) if _is_image(ending)), None)
        if image is None:
            return
        label = next((parts[ending] for ending in _LABELS if ending in parts), None)
        if label is None:
            raise DataError(
                f"a sample of a shard has a label (.cls, .json or .txt), and {image.name} in {path} has none beside it."
            )
        found.append(_Sample(image.name, shard, image, _label_of(file, path, label)))

    with open(path, "rb") as file:
        for member in tar_members(path):
            own, ending = _stem(member.name)
            if own != stem:
                finish(file)
                parts, stem = {}, own
            parts[ending] = member
        finish(file)
    return found


def _stem(name: str) -> tuple[str, str]:
    """a/b.c.jpg -> (a/b, .c.jpg): what follows the first point of the last part is the ending, as in WebDataset."""
    folder, slash, file = name.rpartition("/")
    stem, point, ending = file.partition(".")
    return folder + slash + stem, point + ending.lower()


def _is_image(ending: str) -> bool:
    return os.path.splitext(f"x{ending}")[1] in IMAGE_SUFFIXES


def _label_of(file: BinaryIO, path: Path, member: TarMember) -> str:
    if member.size > _MOST_LABEL_BYTES:
        raise DataError(f"a label is a number or a name, and {member.name} in {path} has {member.size:,} bytes.")
    file.seek(member.offset)
    text = file.read(member.size).decode("utf-8", errors="replace").strip()
    if not member.name.lower().endswith(".json"):
        return text
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        raise DataError(f"{member.name} in {path} is no JSON: {error}") from error
    if isinstance(content, dict):
        key = next((key for key in _KEYS if key in content), None)
        if key is None:
            raise DataError(
                f"a .json of a sample has its label under {listed(_KEYS)}, and {member.name} in {path} has "
                f"{listed(sorted(map(str, content)))}."
            )
        content = content[key]
    return str(content)


def _class_names(files: Sequence[Path], class_file: Path | None) -> tuple[str, ...] | None:
    beside = [folder / each for folder in (files[0].parent, files[0].parent.parent) for each in _CLASS_FILES]
    path = class_file or next((each for each in beside if each.is_file()), None)
    return None if path is None else read_class_names(path)


def _numbered(labels: list[str], names: tuple[str, ...] | None, where: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names, and (N,) labels. Numbers are places in the list of names, or names themselves where there is "
    "none."""
    values = sorted(set(labels))
    are_numbers = all(re.fullmatch(r"\d+", value) for value in values)
    if names is not None and are_numbers:
        if (largest := max(map(int, values))) >= len(names):
            raise DataError(f"labels are 0 to {len(names) - 1} ({len(names)} class names), and {where} has {largest}.")
        return names, np.array([int(label) for label in labels], dtype=np.int64)
    if names is not None and set(values) <= set(names):
        values = list(names)
    elif are_numbers:
        values.sort(key=int)
    number = {value: place for place, value in enumerate(values)}
    return tuple(values), np.array([number[label] for label in labels], dtype=np.int64)
