"""The weights and the images that a command names, with what its flags change in how images are prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.data.data_path import DIGITS
from netwright.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Set

    from netwright.data.preprocess import Preprocessing
    from netwright.recipe import TrainConfig
    from netwright.weights import LoadedModel

__all__ = ["folder_of_run", "images_of_run", "load_for", "override_preprocessing"]

# keys of a training that say how images are prepared, which weights of ours carry along
_PREPARATION = (
    *("image_size", "crop_pct", "interpolation", "antialias", "mean", "std"),
    *("resize", "background", "full_scale"),
)
# keys that say which images a training validated on, with the seed by which val_fraction cuts them
_IMAGES = ("dataset", "train_split", "val_split", "val_fraction", "seed")


def images_of_run(facts: Mapping[str, Any], training: TrainConfig, given: Set[str]) -> tuple[TrainConfig, str]:
    """Choose the images that a network was validated on in its training, unless the user names others.

    Args:
        facts: What the weights or the exported file say of the training: which split.
        training: Its `checkpoint` names these; a recipe beside them says which folder.
        given: The keys that the user gave.

    Returns:
        The training with these images, and a notice about them or ''.
    """
    own = facts.get("training")
    # bundled images are in no folder, so a folder holds others
    if not isinstance(own, dict) or ("data_dir" in given and own.get("dataset") == DIGITS):
        return training, ""
    changes = {key: own[key] for key in _IMAGES if key in own and key not in given}
    if "data_dir" not in given and (folder := folder_of_run(training.network.checkpoint)):
        changes["data_dir"] = folder
    found = training.with_(**changes)
    images = found.images
    if not images.val_fraction or "val_fraction" in given:
        return found, ""
    return found, (
        f"The images are those that its training kept for validation: {images.val_fraction:.0%} of each class, by seed "
        f"{found.machine.seed}."
    )


def folder_of_run(checkpoint: str) -> str:
    """Where the run that wrote these weights had its images; empty if nothing beside them says so."""
    from netwright.data.remembered import recall_data_dir
    from netwright.recipe import load_training

    if not checkpoint:
        return ""
    if known := recall_data_dir(checkpoint):
        return known
    path = Path(checkpoint)
    recipe = (path if path.is_dir() else path.parent) / "training.yaml"
    return load_training(recipe).training.images.data_dir if recipe.is_file() else ""


def load_for(
    training: TrainConfig, given: Set[str], loaded: LoadedModel | None = None
) -> tuple[LoadedModel, tuple[str, ...]]:
    """Load a training's `checkpoint`, or the published weights of `model` where `pretrained` says so.

    Args:
        training: Which weights, and how images are prepared.
        given: The keys that the user gave; those of the preprocessing override what the weights say.
        loaded: Instead of the weights that `training` names.

    Returns:
        The network, and what the user should know.

    Raises:
        WeightsError: If no weights are named: a network with random weights would give answers too.
    """
    if loaded is None:
        loaded = _load(training, given)
    preprocessing, notice = override_preprocessing(loaded.preprocessing, training, given)
    notices = (*loaded.notices, *filter(None, [notice]))
    return replace(loaded, preprocessing=preprocessing), notices


def _load(training: TrainConfig, given: Set[str]) -> LoadedModel:
    from netwright.weights import load_model, pretrained_file

    network = training.network
    weights = network.checkpoint
    if not weights and network.pretrained and network.model:
        weights = str(pretrained_file(network.model))
    if not weights:
        named = f"for {network.model} none are named" if network.model else "none are named"
        raise WeightsError(
            f"a network answers with trained weights, and {named}. Give a run folder, a weight file or an exported "
            "file, as the first word or as --ckpt_path, or --pretrained with --model for the published weights."
        )
    return load_model(
        weights,
        model=network.model,
        num_classes=network.num_classes,
        in_channels=network.in_channels if "in_channels" in given else None,
        stem=network.stem,
        ema=training.optimization.ema,
    )


def override_preprocessing(own: Preprocessing, training: TrainConfig, given: Set[str]) -> tuple[Preprocessing, str]:
    """The preprocessing with the keys that the user gave, and a notice of what these change or ''."""
    wanted = {name: getattr(training.augmentation, name) for name in _PREPARATION if name in given}
    if wanted.get("full_scale", "") is None:
        del wanted["full_scale"]  # as the weights say
    other = {name: value for name, value in wanted.items() if getattr(own, name) != value}
    if not other:
        return own, ""
    if other.get("resize", "crop") != "crop" and "crop_pct" not in given:
        other["crop_pct"] = 1.0  # the whole image is seen, as in training
    changes = ", ".join(f"{name} {value} instead of {getattr(own, name)}" for name, value in other.items())
    if other.keys() & {"crop_pct", "interpolation", "antialias"}:
        other["crop_first"] = False  # it goes with the usual ones only
    return replace(own, **other), f"Images are not prepared as for the weights: {changes}."
