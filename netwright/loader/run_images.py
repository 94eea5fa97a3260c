"""The images of a run, opened again from what its weights say: which it was trained on, and which it has never seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from netwright.data import open_source
from netwright.data.cut import Cut, split_digest
from netwright.data.source import ImageSource
from netwright.errors import DataError, RecipeError
from netwright.loader.split import Split, open_split, open_splits
from netwright.recipe import TrainConfig

__all__ = ["RunImages", "all_images", "open_run_images"]


@dataclass(frozen=True, slots=True, eq=False)
class RunImages:
    """The images of a run.

    Attributes:
        source: All of them.
        parts: train, validation and test, those of them that there are; none has images of another.
        trained_on: The parts that the weights were trained on.
        measured: The part that the run judged them by; '' where it judged by none.
        how: Part -> how it was kept from training, for people.
        is_same: Whether these are the very images; None where the weights do not say.
    """

    source: ImageSource
    parts: Mapping[str, Split]
    trained_on: tuple[str, ...]
    measured: str
    how: Mapping[str, str]
    is_same: bool | None


def open_run_images(facts: Mapping[str, Any], data_dir: str, download: bool = False) -> RunImages | None:
    """Open the images of a run.

    Args:
        facts: Of its weights.
        data_dir: Where the images are.
        download: Whether a published data set may be fetched.

    Returns:
        The images; None where the weights say nothing of them.

    Raises:
        DataError: They are not there, or cannot be split as they were.
    """
    cut = Cut.from_facts(facts)
    if cut is not None:
        return _of_trial(cut, facts, data_dir)
    own = facts.get("training")
    return _of_training(own, facts, data_dir, download) if isinstance(own, Mapping) else None


def _of_trial(cut: Cut, facts: Mapping[str, Any], data_dir: str) -> RunImages:
    """Of a sweep or a design; a final training has a test score, and learned from the validation images too."""
    source = open_source(data_dir)
    splits = cut.again(source)
    is_final = "test" in facts
    fractions = {"validation": cut.validation_fraction, "test": cut.test_fraction}
    has = source.splits.keys()  # as in cut_splits
    is_own = {"validation": {"validation", "test"} <= has, "test": bool({"validation", "test"} & has)}
    how = {
        part: "the source's own split" if is_own[part] else f"{fraction:.0%} of each class, by seed {cut.seed}"
        for part, fraction in fractions.items()
    }
    parts = {name: Split(source, getattr(splits, name), name) for name in ("train", *how)}
    trained_on = ("train", "validation") if is_final else ("train",)
    measured = "test" if is_final else "validation"
    return RunImages(source, parts, trained_on, measured, how, cut.is_of(source, splits))


def _of_training(own: Mapping[str, Any], facts: Mapping[str, Any], data_dir: str, download: bool) -> RunImages:
    homes = {item.name for part in fields(TrainConfig) for item in fields(getattr(TrainConfig(), part.name))}
    # the number of classes is the network's; the images' own is checked where classes are matched
    keys = {key: value for key, value in own.items() if key in homes and key != "num_classes"}
    try:
        training = TrainConfig().with_(**keys | {"data_dir": data_dir, "download": download})
    except RecipeError as error:
        raise DataError(f"the weights were trained with options of another version: {error}") from error
    train, validation = open_splits(training)
    parts = {"train": train} | ({} if validation is None else {"validation": validation})
    if (test := _test_split(training, train, validation)) is not None:
        parts["test"] = test
    known = facts.get("images", {}).get("digests") if isinstance(facts.get("images"), Mapping) else None
    is_same = None
    if known:
        is_same = all(
            split_digest(parts[name].source, parts[name].index) == known[name] for name in known.keys() & parts.keys()
        )
    fraction, seed = training.images.val_fraction, training.machine.seed
    how = {name: f"the split {part.name!r}" for name, part in parts.items()}
    if fraction:
        how["validation"] = f"{fraction:.0%} of each class, by seed {seed}"
    measured = "validation" if validation is not None else ""
    return RunImages(train.source, parts, ("train",), measured, how, is_same)


def _test_split(training: TrainConfig, train: Split, validation: Split | None) -> Split | None:
    """The source's own test split, where it is neither of the others."""
    try:
        test = open_split(training.images, "test")
    except DataError:
        return None
    names = {train.name, "" if validation is None else validation.name}
    if test.name in names or test.name == "all" or test.source.class_names != train.source.class_names:
        return None
    return test if not _overlaps(test, validation) else None


def _overlaps(test: Split, validation: Split | None) -> bool:
    """Whether both are the same images: a source with two splits has its test split for validation."""
    if validation is None or len(test) != len(validation):
        return False
    return split_digest(test.source, test.index) == split_digest(validation.source, validation.index)


def all_images(images: RunImages) -> Split:
    """Every image of the source, whichever part it is in."""
    return Split(images.source, np.arange(len(images.source.labels), dtype=np.int64), "all")
