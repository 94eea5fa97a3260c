"""The recipe of the final trainings: made for the images, or read from a file.

Trials only rank networks, and a short plain recipe does that. What is trained for many epochs learns a few thousand
photos by heart unless it sees them changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from netwright.errors import RecipeError
from netwright.recipe import Recipe
from netwright.recipe.yaml_file import in_yaml, read_mapping

__all__ = ["ImageFacts", "final_values", "in_words", "read_final_recipe", "relative_cost", "to_yaml"]

_PHOTO_SIDE = 32  # pixels; smaller pictures are mostly characters and patterns, whose parts mean something else
# what follows from photos whatever their number: docs/log.md, "recipes for photos"
_PHOTOS = {"crop_scale": 0.35, "crop_size": 0.75, "color_jitter": 0.25, "mixup": 0.2, "label_smoothing": 0.1}
_PHOTOS |= {"weight_decay": 2e-3}
# (images from so many on, batch size): with few images it is steps that are lacking
_BATCHES = ((20_000, 128), (5000, 64), (0, 32))


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


def final_values(images: ImageFacts, epochs: int) -> dict[str, Any]:
    """Values of the `Recipe` of the final trainings; those that are left out are as in trials.

    Args:
        images: What is known of them.
        epochs: Of a final training.
    """
    if not images.are_photos:
        return {}
    return _PHOTOS | {"batch_size": next(size for least, size in _BATCHES if images.trained >= least)}


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
