"""A network of a space from an Optuna trial: `space.suggest(trial)` within an objective of one's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from netwright.arch import Arch, ArchBatch
from netwright.errors import SpaceError
from netwright.space.distribution import Distribution
from netwright.space.drawn_setting import WORDS
from netwright.space.parameter import Parameter
from netwright.space.sampling import broken_constraint, networks_of
from netwright.space.space import DesignSpace

__all__ = ["Suggestion", "renamed_trial", "suggest_network"]

_MOST_CATEGORIES = 12  # of a choice that Optuna's samplers learn value by value


class OptunaTrial(Protocol):
    """What is needed of `optuna.trial.Trial`."""

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...
    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...
    def set_user_attr(self, key: str, value: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a trial draws.

    Attributes:
        arch: The network.
        parameters: Column of the space -> value; of a stem or an activation its word.
        recipe: Option of the recipe -> value, of a space that draws some; for `Recipe.with_`.
    """

    arch: Arch
    parameters: Mapping[str, Any]
    recipe: Mapping[str, float]


def suggest_network(space: DesignSpace, trial: OptunaTrial) -> Suggestion:
    """Draw a network of a space by an Optuna trial; what was drawn is kept as the trial's user attribute `network`.

    A parameter with ties is suggested once. One with an order is suggested for each stage and sorted, where all stages
    have the same values; so the sampler's own parameters are free of each other, and every trial keeps the order. Long
    lists of values are suggested as a number between their ends, in the logarithm where the space draws them so, and
    rounded to the nearest value.

    Args:
        space: To draw from.
        trial: Of a study; any sampler.

    Raises:
        optuna.TrialPruned: The network breaks a limit, or an order whose stages have different values; the message has
            the limit and the value. Wide limits (a window of flops of a factor of two) waste few trials.
        SpaceError: It is no trial of Optuna.
    """
    if not hasattr(trial, "suggest_float"):
        raise SpaceError(
            f"a network is suggested by a trial of an Optuna study, not by {type(trial).__name__}. Call it within an "
            "objective."
        )
    drawn: dict[str, float] = {}
    for parameter in space.drawn:
        drawn |= _suggested(parameter, trial)
    columns = {name: np.array([value]) for name, value in drawn.items()}
    broken = broken_constraint(space, columns)
    if broken:
        import optuna

        raise optuna.TrialPruned(f"no network of {space.name!r}: {broken}")
    batch: ArchBatch = networks_of(space, columns)
    arch = batch[0]
    recipe = {parameter.name: drawn[parameter.name] for parameter in space.recipe}
    trial.set_user_attr("network", arch.to_dict())
    read: dict[str, Any] = {name: WORDS[name][int(value)] if name in WORDS else value for name, value in drawn.items()}
    return Suggestion(arch, read, recipe)


class _Renamed:
    """A trial whose parameters have names that begin so."""

    def __init__(self, trial: OptunaTrial, prefix: str) -> None:
        self._trial, self._prefix = trial, prefix
        self.set_user_attr = trial.set_user_attr

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._trial.suggest_categorical(f"{self._prefix}{name}", choices)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self._trial.suggest_float(f"{self._prefix}{name}", low, high, log=log)


def renamed_trial(trial: OptunaTrial, prefix: str) -> OptunaTrial:
    """The same trial, whose parameters have names that begin with the prefix: members of a union share names."""
    return _Renamed(trial, prefix)


def _suggested(parameter: Parameter, trial: OptunaTrial) -> dict[str, float]:
    pairs = zip(parameter.columns, parameter.distributions, strict=True)
    if known := WORDS.get(parameter.name):
        (listed,) = (each.levels() for each in parameter.distributions)
        assert listed is not None, "words are listed"
        word = trial.suggest_categorical(parameter.name, [known[int(value)] for value in listed[0]])
        return {parameter.name: float(known.index(word))}
    values = [_value(column, distribution, trial) for column, distribution in pairs]
    if parameter.order and len(set(parameter.distributions)) == 1:
        values.sort(reverse=parameter.order == "non_increasing")
    return dict(zip(parameter.columns, values, strict=True))


def _value(name: str, distribution: Distribution, trial: OptunaTrial) -> float:
    listed = distribution.levels()
    low, high = distribution.bounds
    if listed is None:
        return trial.suggest_float(name, low, high, log=distribution.is_logarithmic)
    values = listed[0]
    if len(values) == 1:
        return float(values[0])
    if len(values) <= _MOST_CATEGORIES:
        return float(trial.suggest_categorical(name, values.tolist()))
    is_log = distribution.is_logarithmic and low > 0
    suggested = trial.suggest_float(name, low, high, log=is_log)
    scale = np.log if is_log else np.asarray
    return float(values[np.argmin(np.abs(scale(values) - (math.log(suggested) if is_log else suggested)))])
