"""The trained network that a command names, with what its flags change in how images are prepared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Set

    from netwright.recipe import TrainConfig
    from netwright.weights import LoadedModel

__all__ = ["images_of_run", "load_for"]

# keys of a training that say how images are prepared, which weights of ours carry along
_PREPARATION = ("image_size", "crop_pct", "interpolation", "antialias", "mean", "std")
# keys that say which images a training validated on, the seed by which val_fraction cuts them among them
_IMAGES = ("dataset", "train_split", "val_split", "val_fraction", "seed")
_BUNDLED = "digits"


def images_of_run(model: LoadedModel, training: TrainConfig, given: Set[str]) -> tuple[TrainConfig, str]:
    """The training with the images that the weights' own one was validated on, where the user names no others.

    Weights say which split, and the recipe beside them which folder. Also in words what came from there.
    """
    own = model.facts.get("training")
    # bundled images are in no folder, so a folder holds others
    if not isinstance(own, dict) or ("data_dir" in given and own.get("dataset") == _BUNDLED):
        return training, ""
    changes = {key: own[key] for key in _IMAGES if key in own and key not in given}
    if "data_dir" not in given and (folder := _folder_of_run(training.network.checkpoint)):
        changes["data_dir"] = folder
    found = training.with_(**changes)
    images = found.images
    if not images.val_fraction or "val_fraction" in given:
        return found, ""
    return found, (
        f"The images are those that its training kept for validation: {images.val_fraction:.0%} of each class, by seed "
        f"{found.machine.seed}. --split takes a split as it is."
    )


def _folder_of_run(weights: str) -> str:
    """Where the training that wrote these weights had its images; empty where nothing beside them says so."""
    from netwright.recipe import load_training

    place = Path(weights)
    recipe = (place if place.is_dir() else place.parent) / "training.yaml"
    return load_training(recipe).training.images.data_dir if weights and recipe.is_file() else ""


def load_for(training: TrainConfig, given: Set[str]) -> tuple[LoadedModel, tuple[str, ...]]:
    """The network of a training's `checkpoint`, else of `model` with the published weights where `pretrained`.

    given: the keys that the user gave, of which those of the preprocessing override what the weights say. Also what a
    reader must know, in words. A network with random weights would answer too: without weights this is a WeightsError.
    """
    from netwright.weights import load_model, pretrained_file

    network = training.network
    weights = network.checkpoint
    if not weights and network.pretrained and network.model:
        weights = str(pretrained_file(network.model))
    if not weights:
        named = f"for {network.model} none are named" if network.model else "none are named"
        raise WeightsError(
            f"a network is asked with trained weights, and {named}. Give a run folder or a weight file, as the first "
            "word or as --ckpt_path, or --pretrained with --model for the published ones."
        )
    model = load_model(
        weights,
        model=network.model,
        num_classes=network.num_classes,
        in_channels=network.in_channels if "in_channels" in given else None,
        stem=network.stem,
        ema=training.optimization.ema,
    )
    return _prepared(model, training, given)


def _prepared(model: LoadedModel, training: TrainConfig, given: Set[str]) -> tuple[LoadedModel, tuple[str, ...]]:
    own = model.preprocessing
    asked = {name: getattr(training.augmentation, name) for name in _PREPARATION if name in given}
    other = {name: value for name, value in asked.items() if getattr(own, name) != value}
    if not other:
        return model, tuple(model.notices)
    said = ", ".join(f"{name} {value} instead of {getattr(own, name)}" for name, value in other.items())
    if other.keys() & {"crop_pct", "interpolation", "antialias"}:
        other["crop_first"] = False  # which goes with the usual ones only
    changed = replace(model, preprocessing=replace(own, **other))
    return changed, (*model.notices, f"Images are not prepared as the weights say: {said}.")
