"""Choose the images that a network is measured on: those that its run kept for that, or what the user names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.data.cut import Cut
from netwright.data.data_path import DIGITS, is_digits, require_images_of_run
from netwright.data.data_ref import absolute_ref, parse_ref
from netwright.data.source import SPLIT_NAMES
from netwright.errors import DataError
from netwright.evaluation.loading import folder_of_run, images_of_run
from netwright.loader import Split, open_split
from netwright.loader.run_images import RunImages, all_images, open_run_images

if TYPE_CHECKING:
    from netwright.evaluation.opening import ModelRequest
    from netwright.recipe import TrainConfig

__all__ = ["ChosenImages", "choose_images", "images_where_they_are"]

_ALL = "all"
_CHANGED = (
    "{} has other images than when the network was trained, so those that it was not trained on are no longer known."
)
_OTHERS = "These are not the images of its run as they were then; whether it was trained on some of them is not known."
_SEEN = "The network was trained on these images: on others its accuracy is lower."
_SOME_SEEN = "The network was trained on some of these images: on others its accuracy is lower."


@dataclass(frozen=True, slots=True, eq=False)
class ChosenImages:
    """The images to measure on.

    Attributes:
        split: The images.
        is_seen: Whether the network was trained on any of them; None where that is not known.
        notice: Which they are and why, for the user; '' where the user knows.
    """

    split: Split
    is_seen: bool | None = None
    notice: str = ""

    @property
    def label(self) -> str:
        """The name of the split, with the one thing that a reader of its accuracy must know."""
        if not self.is_seen:
            return self.split.name
        return f"{self.split.name}, {'some trained on' if self.split.name == _ALL else 'trained on'}"


def choose_images(facts: Mapping[str, Any], request: ModelRequest) -> ChosenImages:
    """Choose the images to measure on.

    Args:
        facts: What the weights or the exported file say of their training.
        request: Its training has what the user says of the images; a split that is named as a flag is that very split.

    Raises:
        DataError: There are none, or the named split is not there.
    """
    training, given = request.training, request.given
    wanted = training.images.val_split if "val_split" in request.explicit else ""
    if not _is_of_run(facts, training, given):
        return _of_others(training, wanted)
    then = folder_of_run(training.network.checkpoint)
    if then and "data_dir" not in given and not _bundled(facts):
        require_images_of_run(then, Path(training.network.checkpoint))
    own_split = _own_split(facts, request, wanted)
    if own_split is not None:
        return own_split
    data_dir = training.images.data_dir if "data_dir" in given else then or _bundled(facts)
    if not data_dir:
        raise DataError(
            "the weights record how their images were split, and not where these are. Give --data_dir FOLDER, the "
            "images of the run or others."
        )
    is_elsewhere = "data_dir" in given and not (then and _is_same_path(then, data_dir))
    try:
        images = open_run_images(facts, data_dir, training.images.download)
    except DataError as error:
        if is_elsewhere:  # other images cannot be cut as those of the run were
            return _of_others(training, wanted)
        raise DataError(f"the run's own images: {error}") from error
    assert images is not None, "it is of a run"
    if is_elsewhere and (images.is_same is False or (images.is_same is None and not images.measured)):
        return _of_others(training, wanted, _OTHERS)
    if images.is_same is False and wanted.lower() != _ALL:
        raise DataError(
            f"{_CHANGED.format(data_dir)} Give --data_dir with the images as they were, or with new ones alone; "
            "--split all measures all that are there, with those that it was trained on."
        )
    return _part(images, wanted)


def images_where_they_are(facts: Mapping[str, Any], ref: str, data_dir: str, dataset: str) -> RunImages | None:
    """The images of a run, for a command that calibrates and measures.

    Args:
        facts: Of its weights.
        ref: The weights, which lie in the folder of the run.
        data_dir: The folder that the user names; '' for none.
        dataset: The data set that the user names; '' for none.

    Returns:
        None where the weights say nothing, where the user names other images, and where nothing says where they are.

    Raises:
        DataError: They are not there, or are no longer those of the run.
    """
    where = data_dir or folder_of_run(ref) or _bundled(facts)
    own = facts.get("training", {})
    if not where or (dataset and (not isinstance(own, Mapping) or dataset != own.get("dataset"))):
        return None
    if data_dir and not own and Cut.from_facts(facts) is None:
        return None
    try:
        images = open_run_images(facts, where)
    except DataError:
        if data_dir:
            return None
        raise
    if images is not None and images.is_same is False:
        if data_dir and not _is_same_path(data_dir, folder_of_run(ref) or data_dir):
            return None
        raise DataError(
            _CHANGED.format(where) + " Give --data_dir with the images as they were, or with new ones alone."
        )
    # old weights do not say which images they were trained on: a folder that is named may have others
    return None if images is not None and images.is_same is None and data_dir else images


def _is_of_run(facts: Mapping[str, Any], training: TrainConfig, given: Any) -> bool:
    """Whether the weights say what their images were, and the user names no other data set."""
    if Cut.from_facts(facts) is not None:
        return "dataset" not in given or training.images.dataset in ("", "imagenet")
    own = facts.get("training")
    if not isinstance(own, Mapping):
        return False
    # bundled images are in no folder, so a folder holds others
    if "data_dir" in given and own.get("dataset") == DIGITS:
        return False
    return "dataset" not in given or training.images.dataset == own.get("dataset", training.images.dataset)


def _bundled(facts: Mapping[str, Any]) -> str:
    own = facts.get("training")
    return DIGITS if isinstance(own, Mapping) and own.get("dataset") == DIGITS else ""


def _is_same_path(one: str, other: str) -> bool:
    refs = [parse_ref(absolute_ref(each)) for each in (one, other)]
    resolved = [(Path(ref.path).resolve(), ref.options) for ref in refs]
    return is_digits(one) == is_digits(other) and resolved[0] == resolved[1]


def _own_split(facts: Mapping[str, Any], request: ModelRequest, wanted: str) -> ChosenImages | None:
    """A split that the source has itself, other than the one that was trained on; its other splits are not read."""
    if "training" not in facts:
        return None
    training, _ = images_of_run(facts, request.training, request.given)
    if not wanted and training.images.val_fraction:
        return None
    if "data_dir" not in request.given and not folder_of_run(training.network.checkpoint) and not _bundled(facts):
        return None
    name = wanted or training.images.val_split
    if _canonical(name) in (_canonical(training.images.train_split), "train"):
        return None
    try:
        split = open_split(replace(training.images, val_fraction=0.0), name)
    except DataError:
        if wanted:
            return None  # perhaps it was cut
        raise
    return None if split.name == _ALL else ChosenImages(split, is_seen=False)


def _of_others(training: TrainConfig, wanted: str, notice: str = "") -> ChosenImages:
    """Images that no run of these weights says anything of."""
    split = open_split(training.images, training.images.val_split, training.machine.seed)
    if split.name == _ALL and wanted and wanted.lower() != _ALL:
        raise DataError(
            f"{split.source.name!r} has no splits, and --split is {wanted!r}. Leave --split out to measure all "
            f"{len(split):,} images."
        )
    return ChosenImages(split, notice=notice)


def _part(images: RunImages, wanted: str) -> ChosenImages:
    """The part that is wanted, or that the run judged the network by."""
    if wanted.lower() == _ALL:
        return ChosenImages(all_images(images), is_seen=True, notice=_SOME_SEEN)
    name = _canonical(wanted) if wanted else images.measured
    if not name:
        raise DataError(
            f"the network was trained on all {len(images.parts['train']):,} images of {images.source.name!r}, and none "
            "were kept to measure it on. Give other images as --data_dir, or train again with --val_fraction 0.2. "
            "--split train measures those that it was trained on."
        )
    if name not in images.parts:
        there = ", ".join(images.parts)
        raise DataError(
            f"there is no split {wanted!r} of the images of the run, {images.source.name!r}: there is {there}, and all."
        )
    split, is_seen = images.parts[name], name in images.trained_on
    # what a training without validation calls all, it has learned
    split = replace(split, name="train") if is_seen and split.name == _ALL else split
    kept = {"validation": "kept for validation", "test": "kept for the test"}.get(name, "")
    notice = _SEEN if is_seen else f"The images are those that its training {kept}: {images.how[name]}."
    return ChosenImages(split, is_seen, notice)


def _canonical(name: str) -> str:
    return SPLIT_NAMES.get(name.lower(), name)
