"""Options of the trials' recipe as parameters of a space: drawn once a trial, stored and analyzed like the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netwright.errors import RecipeError, SpaceError
from netwright.recipe import Recipe
from netwright.recipe.drawn import DRAWABLE, drawn_recipe
from netwright.space.distribution import Distribution, distribution_from_dict
from netwright.space.families import unknown
from netwright.space.located import about
from netwright.space.parameter import Parameter

__all__ = ["check_recipe", "recipe_parameters", "recipe_to_dict"]

_LONGEST = Recipe(epochs=1_000_000, warmup_epochs=0.0)  # with which no drawn number of epochs is too few


def recipe_parameters(values: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Parameters from the mapping `recipe` of a space: option -> distribution, one for all stages.

    Raises:
        SpaceError: An option that cannot be drawn, or a distribution that cannot be.
    """
    found = []
    for name, given in values.items():
        with about("recipe", name):
            if name not in DRAWABLE:
                raise unknown("option of a recipe that can be drawn", name, DRAWABLE)
            found.append(Parameter(name, (distribution_from_dict(given),)))
    return tuple(found)


def check_recipe(parameters: Sequence[Parameter]) -> None:
    """SpaceError where an option is named twice, is none that is drawn, or has a value that it cannot have."""
    names = [parameter.name for parameter in parameters]
    for parameter in parameters:
        with about("recipe", parameter.name):
            if parameter.name not in DRAWABLE:
                raise unknown("option of a recipe that can be drawn", parameter.name, DRAWABLE)
            if names.count(parameter.name) > 1 or len(parameter.distributions) != 1:
                raise SpaceError(f"{parameter.name} of a recipe is drawn once for a trial. Name it once.")
            _check_values(parameter.name, parameter.distributions[0])


def _check_values(name: str, distribution: Distribution) -> None:
    listed = distribution.levels()
    if DRAWABLE[name] and listed is None:
        raise SpaceError(f"{name} is a whole number; {distribution.to_dict()} is continuous. Give it a quantum of 1.")
    values = list(distribution.bounds) if listed is None or not DRAWABLE[name] else listed[0].tolist()
    for value in values:
        try:
            drawn_recipe(_LONGEST, {name: value})
        except RecipeError as error:
            raise SpaceError(str(error)) from error


def recipe_to_dict(parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The mapping `recipe` of a space; empty without parameters."""
    return {parameter.name: parameter.distributions[0].to_dict() for parameter in parameters}
