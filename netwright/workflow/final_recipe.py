"""The recipes that a plan makes for photos, of trials and of final trainings; or what a file replaces the latter by.

What they rest on is in docs/log.md ("recipes for small sets of photos", "what a few minutes buy on photos" and what
came after them): trainings on 2,762 photos of flowers, most of one seed. Kept, as it was better or as good: Muon,
which after 12 epochs has 76.2% on validation images where SGD has 69.7%; random parts of a quarter to a third of the
area rather than 0.6, three quarters of the side, label smoothing 0.1. Left out, as it gave nothing: AdamW, moving
averages of the weights, CutMix, TrivialAugment, twice or half the learning rate, sizes that grow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from netwright.errors import RecipeError
from netwright.recipe import Recipe
from netwright.recipe.yaml_file import in_yaml, read_mapping

__all__ = [
    "ImageFacts",
    "final_values",
    "in_words",
    "read_final_recipe",
    "relative_cost",
    "to_yaml",
    "trial_values",
]

_PHOTO_SIDE = 32  # pixels; smaller pictures are mostly characters and patterns, whose parts mean something else
# with few images and many epochs a network learns them by heart otherwise
_PHOTOS = {"crop_scale": 0.35, "crop_size": 0.75, "color_jitter": 0.25, "label_smoothing": 0.1}
_MUON = {"optimizer": "muon", "weight_decay": 0.02}  # decoupled, unlike that of SGD
_SGD = {"optimizer": "sgd", "weight_decay": 2e-3}
# (images from so many on, batch size): with few images it is steps that are lacking
_BATCHES = ((20_000, 128), (3200, 64), (0, 32))
# of trainings by Muon of so many epochs: in fewer it is learning that is lacking, and these slow it
_LONG, _LONG_EPOCHS = {"mixup": 0.2, "weight_decay": 0.05, "crop_scale": 0.25}, 20
_LONG_OF_SGD, _LONG_EPOCHS_OF_SGD = {"mixup": 0.2}, 40


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a recipe depends on.

    Attributes:
        trained: Images that the network learns from.
        resolution: Their side in pixels.
        flip_suits: Whether mirrored images keep their class, as photos do and characters do not.
    """

    trained: int
    resolution: int
    flip_suits: bool

    @property
    def are_photos(self) -> bool:
        return self.flip_suits and self.resolution >= _PHOTO_SIDE


def trial_values(images: ImageFacts, given: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Values of the `Recipe` of trials other than its defaults; none for characters and what is as small.

    Args:
        images: What is known of them.
        given: What somebody gave. A learning rate or a momentum without an optimizer is meant for SGD.
    """
    if not images.are_photos:
        return {}
    batch = {"batch_size": next(size for least, size in _BATCHES if images.trained >= least)}
    return _PHOTOS | (_MUON if _is_muons(given) else _SGD) | batch


def final_values(images: ImageFacts, epochs: int, given: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Values of the `Recipe` of the final trainings; those that are left out are as in trials.

    Args:
        images: What is known of them.
        epochs: Of a final training.
        given: As in `trial_values`.
    """
    values = trial_values(images, given)
    more, least = (_LONG, _LONG_EPOCHS) if _is_muons(given) else (_LONG_OF_SGD, _LONG_EPOCHS_OF_SGD)
    return values | more if values and epochs >= least else values


def _is_muons(given: Mapping[str, Any]) -> bool:
    of_sgd = {"lr", "momentum", "nesterov"} & set(given)
    return bool(given.get("optimizer", "sgd" if of_sgd else "muon") == "muon")


def read_final_recipe(path: str | Path) -> dict[str, Any]:
    """The values of a YAML file, which replace those that are made for the images.

    Raises:
        RecipeError: The file cannot be read, or a key or value is impossible; the message begins with the path.
    """
    try:
        values = read_mapping(Path(path))
        if "epochs" in values:
            raise RecipeError("the epochs of the final trainings are not part of their recipe. Give --final_epochs.")
        Recipe().with_(**values)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error
    return values


def to_yaml(recipe: Recipe) -> str:
    """A recipe as a file that `read_final_recipe` reads."""
    values = {item.name: getattr(recipe, item.name) for item in fields(recipe) if item.name != "epochs"}
    return "".join(f"{name}: {in_yaml(value)}\n" for name, value in values.items())


def in_words(final: Recipe, trial: Recipe) -> str:
    """What the final trainings have otherwise than trials, beside their epochs; "that of the trials" where nothing."""
    changed = _differences(final.to_dict(), trial.to_dict())
    return ", ".join(changed) or "that of the trials"


def _differences(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[str]:
    defaults = {item.name: item.default for item in fields(Recipe)}
    names = [name for name in defaults if name not in ("epochs", "warmup_epochs")]
    full_now, full_then = defaults | dict(now), defaults | dict(then)
    return [f"{name} {_short(full_now[name])}" for name in names if full_now[name] != full_then[name]]


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def relative_cost(final: Recipe, trial: Recipe) -> float:
    """How much longer an image of a final training takes than one of a trial, by the pixels that are computed."""
    return _pixels(final) / _pixels(trial)


def _pixels(recipe: Recipe) -> float:
    return recipe.crop_size**2 if recipe.crop_scale else 1.0
