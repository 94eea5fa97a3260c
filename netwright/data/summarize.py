"""Describe the images of a run before it starts, with what is likely to be a mistake."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from netwright.data.array import ArraySource
from netwright.data.data_path import DIGITS
from netwright.data.duplicates import Duplicates, find_duplicates, in_two_splits, with_two_labels
from netwright.data.few_images import few_images
from netwright.data.reading import Ignored, Reading
from netwright.data.source import ImageSource, IntArray, listed
from netwright.data.split_names import is_split_like
from netwright.data.summary import DataSummary, class_counts
from netwright.system.plural import count

__all__ = ["announcer", "summarize"]

_MOST_NAMED = 3
_MANY_IGNORED = 0.1  # of all images


def summarize(
    source: ImageSource,
    splits: Mapping[str, IntArray] | None = None,
    provenance: str = "",
    *,
    to_train: bool = False,
) -> DataSummary:
    """Describe the images of a source before they are used.

    Args:
        source: The images.
        splits: Name -> image numbers, as a run uses them; the source's own where left out.
        provenance: A sentence about where the splits come from.
        to_train: Networks are trained on the train split: a warning says where it has few images.
    """
    splits = dict(source.splits if splits is None else splits)
    reading: Reading | None = getattr(source, "reading", None)
    ignored = () if reading is None else reading.ignored
    notes = _bundled_notes(source) if reading is None else reading.notes
    cut = provenance.removeprefix(f"{source.name}: ")
    counts = class_counts(source.labels, splits, len(source.class_names))
    warnings = [
        *_class_warnings(source.class_names),
        *_duplicate_warnings(source, splits, find_duplicates(source)),
        *_ignored_warnings(ignored, sum(map(sum, counts.values()))),
        *(_few_warnings(source, splits, counts) if to_train else []),
    ]
    return DataSummary(source.name, source.class_names, counts, notes, ignored, (), tuple(warnings), cut)


def announcer(log: logging.Logger) -> Callable[[DataSummary], None]:
    """Writes a summary to a log, its warnings last; only the first of several, as a command says it once."""
    said: list[DataSummary] = []

    def announce(summary: DataSummary) -> None:
        if said:
            return
        said.append(summary)
        for line in summary.lines():
            log.info("%s", line)
        for warning in summary.warnings:
            log.warning("warning: %s", warning)

    return announce


def _bundled_notes(source: ImageSource) -> tuple[str, ...]:
    """Which digits are read, where a folder has the name of the bundled ones."""
    if not (isinstance(source, ArraySource) and source.name == DIGITS and Path(DIGITS).is_dir()):
        return ()
    return ("the bundled digits; the folder of that name is read as --data_dir ./digits",)


def _few_warnings(
    source: ImageSource, splits: Mapping[str, IntArray], counts: Mapping[str, tuple[int, ...]]
) -> list[str]:
    validation = splits.get("validation")
    is_cut = validation is None or not any(np.array_equal(validation, own) for own in source.splits.values())
    warning = few_images(counts["train"], counts.get("validation"), source.class_names, is_cut=is_cut)
    return [warning] if warning else []


def _class_warnings(names: Sequence[str]) -> list[str]:
    like = [name for name in names if is_split_like(name)]
    if not like:
        return []
    said = "looks like the name of a split and is" if len(like) == 1 else "look like names of splits and are"
    return [
        f"{', '.join(map(repr, like[:_MOST_NAMED]))} {said} taken for a class. If that is wrong, sort the images of "
        "each split into one folder per class."
    ]


def _duplicate_warnings(source: ImageSource, splits: Mapping[str, IntArray], found: Duplicates) -> list[str]:
    warnings = []
    used = np.concatenate([np.zeros(0, dtype=np.int64), *splits.values()])
    groups = [group for group in found.groups if np.isin(group, used).any()]
    two, across = with_two_labels(groups, source.labels), in_two_splits(groups, splits)
    if two:
        warnings.append(
            f"{count(len(two), 'image')} {_is(two)} there under two labels, so that no network can be right about "
            f"{'it' if len(two) == 1 else 'them'}: {_named(source, two)}. Remove the wrong ones."
        )
    owned = in_two_splits(across, source.splits)  # the owner put them there; the others a cut did
    if owned:
        between = ", ".join(_splits_of(owned, splits))
        warnings.append(
            f"{count(len(owned), 'image')} {_is(owned)} in more than one split ({between}), which flatters what is "
            f"measured: {_named(source, owned)}. Remove {'it' if len(owned) == 1 else 'them'} from one."
        )
    if parted := [group for group in across if not any(group is other for other in owned)]:
        warnings.append(_parted(source, parted, _splits_of(parted, splits)))
    said = {int(group[0]) for group in (*two, *across)}
    rest = [group for group in groups if int(group[0]) not in said]
    if rest:
        warnings.append(
            f"{count(len(rest), 'image')} {_is(rest)} there more than once: {_named(source, rest)}. Copies stay "
            "together where splits are cut."
        )
    return warnings


def _parted(source: ImageSource, groups: Sequence[IntArray], between: Sequence[str]) -> str:
    """Copies that our own cut could not keep together, as each split needs an image of their class."""
    labels = np.unique(source.labels[np.concatenate(groups)]).tolist()
    classes = listed([source.class_names[label] for label in labels], _MOST_NAMED)
    is_one_class = len(labels) == 1
    return (
        f"{count(len(groups), 'image')} {_is(groups)} in more than one of the splits that were cut here "
        f"({', '.join(between)}), which flatters what is measured: {_named(source, groups)}. {classes} "
        f"{'has' if is_one_class else 'have'} too few different images to keep "
        f"{'its copies' if len(groups) == 1 else 'the copies of each'} together. Add other images of "
        f"{'this class' if is_one_class else 'these classes'}."
    )


def _splits_of(groups: Sequence[IntArray], splits: Mapping[str, IntArray]) -> list[str]:
    there = np.concatenate(groups)
    return [name for name, index in splits.items() if np.isin(there, index).any()]


def _named(source: ImageSource, groups: Sequence[IntArray]) -> str:
    said = [" = ".join(source.item_name(int(index)) for index in group[:_MOST_NAMED]) for group in groups]
    more = f"; and {len(said) - _MOST_NAMED:,} more" if len(said) > _MOST_NAMED else ""
    return "; ".join(said[:_MOST_NAMED]) + more


def _is(groups: Sequence[object]) -> str:
    return "is" if len(groups) == 1 else "are"


def _ignored_warnings(ignored: Sequence[Ignored], read: int) -> list[str]:
    """Many images that are not read: perhaps the layout is another one."""
    lost = [each for each in ignored if each.what.startswith("image")]
    many = sum(each.count for each in lost)
    if many <= _MANY_IGNORED * (many + read):
        return []
    return [f"{many:,} of {many + read:,} images are not read: {'; '.join(map(str, lost))}."]
