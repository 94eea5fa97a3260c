"""From the trials of a population to what an executor is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from netwright.arch import Arch, complexity
from netwright.arch.last_map import last_map, refuse_single_image
from netwright.data import ImageSet
from netwright.population import Population, Trial
from netwright.recipe import Recipe, drawn_recipe
from netwright.sweeps.executor import TrialSpec

__all__ = ["Paths", "flops_of", "refuse_single_images", "trial_specs"]


@dataclass(frozen=True, slots=True)
class Paths:
    """What a trial reads and writes beside its result.

    Attributes:
        weights: Trial -> where its trained weights are written, or None.
        start: Trial -> the state from which it goes on, or None.
        fold: Trial -> on which part of the images it is evaluated, see `TrialSpec`.
        state: Index of a trial -> where its own state is kept; None: nowhere.
    """

    weights: Callable[[Trial], Path | None] = lambda trial: None
    start: Callable[[Trial], Path | None] = lambda trial: None
    fold: Callable[[Trial], tuple[int, int] | None] = lambda trial: None
    state: Callable[[int], Path] | None = None


def trial_specs(
    population: Population,
    trials: Iterable[Trial],
    recipe: Recipe,
    *,
    split: str = "validation",
    paths: Paths | None = None,
    timeout: float | None = None,
    prunable: bool = False,
) -> list[TrialSpec]:
    """Trials with all that training them takes.

    Args:
        population: They are of it.
        trials: Of which to make specs.
        recipe: Resolved; what a trial draws of it replaces its values.
        split: As for `TrialSpec`.
        paths: What they read and write; by default nothing.
        timeout: As for `TrialSpec`.
        prunable: As for `TrialSpec`.
    """
    paths = paths or Paths()
    names, specs = population.recipe_parameters, []
    for trial in trials:
        drawn = {name: trial.parameters[name] for name in names if name in trial.parameters}
        own = drawn_recipe(recipe, drawn).to_dict()
        kept = None if paths.state is None else paths.state(trial.index)
        weights, start, state = (_text(path) for path in (paths.weights(trial), paths.start(trial), kept))
        arch, fold = trial.arch.to_dict(), paths.fold(trial)
        places = (split, weights, timeout, start, state, fold)
        specs.append(TrialSpec(trial.index, arch, own, trial.seed, *places, prunable=prunable))
    return specs


def flops_of(trial: TrialSpec) -> float:
    """Multiply-adds of its network."""
    return float(complexity(Arch.from_dict(trial.arch)).flops[0])


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def refuse_single_images(trials: Iterable[Trial], images: ImageSet, recipe: Recipe) -> None:
    """RecipeError where batches have one image, from which batch norm at maps of 1x1 cannot learn."""
    if min(int(recipe.batch_size), len(images.train)) == 1:
        for trial in trials:
            if last_map(trial.arch) == 1:
                refuse_single_image(trial.arch, len(images.train), int(recipe.batch_size))
