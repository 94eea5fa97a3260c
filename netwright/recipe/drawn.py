"""Recipe options that a design space may draw for each of its trials, as the papers draw learning rates and decays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from netwright.errors import RecipeError
from netwright.recipe.schema import Recipe
from netwright.system.suggest import suggest

__all__ = ["DRAWABLE", "drawn_recipe"]

_WHOLE = ("epochs", "batch_size", "crop_padding")
# option -> whether it is a whole number
DRAWABLE: dict[str, bool] = {
    name: name in _WHOLE
    for name in (
        *("lr", "weight_decay", "epochs", "batch_size", "warmup_epochs", "momentum", "label_smoothing"),
        *("crop_padding", "crop_scale", "crop_size", "color_jitter", "mixup"),
    )
}
assert set(DRAWABLE) <= {item.name for item in fields(Recipe)}, "each is an option of a recipe"


def drawn_recipe(recipe: Recipe, values: Mapping[str, float]) -> Recipe:
    """The recipe of one trial.

    Args:
        recipe: Of the population, resolved or not.
        values: Option -> what was drawn for the trial. Where epochs are drawn and warmup_epochs are not, the warm-up
            keeps its share of the epochs.

    Raises:
        RecipeError: An option that no space draws, or a value that it cannot have.
    """
    for name in values:
        if name not in DRAWABLE:
            raise RecipeError(f"unknown option {name!r} of a recipe that is drawn: {suggest(name, DRAWABLE)}")
    changes: dict[str, float] = {}
    for name, value in values.items():
        if DRAWABLE[name] and float(value) != int(value):
            raise RecipeError(f"{name} is a whole number, not {value:g}. Give its distribution a quantum of 1.")
        changes[name] = int(value) if DRAWABLE[name] else float(value)
    if "epochs" in changes and "warmup_epochs" not in changes and not isinstance(recipe.warmup_epochs, str):
        changes["warmup_epochs"] = recipe.warmup_epochs * changes["epochs"] / recipe.epochs
    return recipe.with_(**changes)
