"""What is computed from a population: the good range of each parameter, and how much it explains the error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from netwright.analysis.interactions import Interactions, interactions_of
from netwright.errors import StatsError
from netwright.report.comparison import REPEATS, holm
from netwright.report.sections.points import values_of
from netwright.report.text import count
from netwright.report.view import PopulationView
from netwright.stats import GoodRange, Relevance, bootstrap, importance

__all__ = ["LEAST", "Analysis", "analyze"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST = 10  # with fewer networks no parameter is judged


@dataclass(frozen=True)
class Analysis:
    """A population with what was computed from it.

    Attributes:
        view: The population; of its survivors where only they count.
        ranges: Parameter -> good range; empty for fewer than 10 networks.
        relevance: Parameter -> how much it explains the error; likewise.
        facts: The seed, for a report.
        interactions: What a forest says of parameters and pairs, None where it was not asked or knows too few networks.
    """

    view: PopulationView
    ranges: Mapping[str, GoodRange]
    relevance: Mapping[str, Relevance]
    facts: Mapping[str, str]
    interactions: Interactions | None = None


def analyze(
    population: PopulationView,
    *,
    seed: int = 0,
    survivors: bool = False,
    repeats: int = REPEATS,
    interactions: bool = False,
) -> Analysis:
    """Compute the good range and the relevance of every parameter.

    Args:
        population: What `read` returns.
        seed: Of the permutation tests.
        survivors: Leave out the networks that failed. By default they count: behind all others, with an error of 100%.
        repeats: Shuffles of these tests.
        interactions: Decompose the errors by a forest too, which takes some seconds.

    Raises:
        StatsError: No network has an error.
    """
    if population.done.empty:
        raise StatsError(_nothing(population))
    if survivors:
        population = population.of_survivors()
    values = _values(population)
    ranges: dict[str, GoodRange] = {}
    relevance: dict[str, Relevance] = {}
    # parameters that are known of the same networks are computed together
    for rows, names in _by_rows(values):
        known, errors = {name: values[name][rows] for name in names}, population.errors[rows]
        unordered = [name for name in names if len(population.categories.get(name, ())) > 2]
        if ordered := {name: column for name, column in known.items() if name not in population.categories}:
            ranges |= bootstrap(ordered, errors, method="exact")
        relevance |= importance(known, errors, repeats=repeats, seed=seed, categories=unordered)
    together = interactions_of(population, seed=seed) if interactions else None
    return Analysis(population, ranges, _corrected(relevance), {"permutation tests": str(seed)}, together)


def _nothing(population: PopulationView) -> str:
    """Why there is nothing to analyze."""
    reasons = population.trials["reason"].dropna().value_counts()
    why = "; ".join(f"{times} x {reason}" for reason, times in reasons.head(3).items())
    trials = f"{population.name} has {count(len(population.trials), 'trial')} and no error"
    if population.outcomes.unfinished or not len(population.failures):
        return f"{trials}: {f'{why}; the others are' if why else 'none is'} not finished. Train some first."
    return f"{trials}: every one failed ({why or 'no reason recorded'}). Look for what they have in common."


def _values(population: PopulationView) -> dict[str, Floats]:
    """Parameter -> (n,) values of the networks that count, NaN where a cell is empty; none that does not vary."""
    counted = population.counted
    columns = {name: values_of(counted, name) for name in population.parameters if name in counted}
    return {
        name: column
        for name, column in columns.items()
        if np.isfinite(column).sum() >= LEAST and np.ptp(column[np.isfinite(column)]) > 0
    }


def _by_rows(values: Mapping[str, Floats]) -> list[tuple[Bools, list[str]]]:
    """Parameters grouped by the networks of which they are known."""
    groups: dict[bytes, tuple[Bools, list[str]]] = {}
    for name, column in values.items():
        rows = np.isfinite(column)
        groups.setdefault(rows.tobytes(), (rows, []))[1].append(name)
    return list(groups.values())


def _corrected(relevance: Mapping[str, Relevance]) -> dict[str, Relevance]:
    """The strongest first, with Holm's correction for all of them."""
    ordered = sorted(relevance.items(), key=lambda item: (item[1].p_value, -item[1].explained))
    corrected = holm([each.p_value for _, each in ordered])
    return {name: replace(each, p_holm=p) for (name, each), p in zip(ordered, corrected, strict=True)}
