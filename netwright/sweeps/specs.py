"""From the trials of a population to what an executor is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from netwright.arch.last_map import last_map, refuse_single_image
from netwright.data import ImageSet
from netwright.population import Population, Trial
from netwright.recipe import Recipe, drawn_recipe
from netwright.sweeps.executor import TrialSpec

__all__ = ["refuse_single_images", "trial_specs"]


def trial_specs(
    population: Population,
    trials: Iterable[Trial],
    recipe: Recipe,
    *,
    split: str = "validation",
    weights: Callable[[Trial], Path | None] = lambda trial: None,
    timeout: float | None = None,
) -> list[TrialSpec]:
    """Trials with all that training them takes.

    Args:
        population: They are of it.
        trials: Of which to make specs.
        recipe: Resolved; what a trial draws of it replaces its values.
        split: As for `TrialSpec`.
        weights: Trial -> where its trained weights are written, or None.
        timeout: As for `TrialSpec`.
    """
    names, specs = population.recipe_parameters, []
    for trial in trials:
        drawn = {name: trial.parameters[name] for name in names if name in trial.parameters}
        path = weights(trial)
        own = drawn_recipe(recipe, drawn).to_dict()
        where = None if path is None else str(path)
        specs.append(TrialSpec(trial.index, trial.arch.to_dict(), own, trial.seed, split, where, timeout))
    return specs


def refuse_single_images(trials: Iterable[Trial], images: ImageSet, recipe: Recipe) -> None:
    """RecipeError where batches have one image, from which batch norm at maps of 1x1 cannot learn."""
    if min(int(recipe.batch_size), len(images.train)) == 1:
        for trial in trials:
            if last_map(trial.arch) == 1:
                refuse_single_image(trial.arch, len(images.train), int(recipe.batch_size))
