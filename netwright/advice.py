"""From a trained population to a narrower space: the good ranges, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from netwright.errors import SpaceError
from netwright.space import DesignSpace, Sample, draw
from netwright.stats import GoodRange, Relevance, bootstrap, importance

__all__ = ["Advice", "advise", "draw_refined"]

_LEAST = 10  # networks below which nothing is concluded


@dataclass(frozen=True)
class Advice:
    """The refined space, the good range of each parameter drawn, how much each explains the error, and all in words."""

    space: DesignSpace
    good_ranges: Mapping[str, GoodRange]
    relevance: Mapping[str, Relevance]
    decisions: tuple[str, ...]


def advise(space: DesignSpace, frame: pd.DataFrame, *, seed: int = 0) -> Advice:
    """Narrow each parameter to the good range of the empirical bootstrap (DDS, section 3.2).

    frame: of the population, as `Population.frame()` gives it. A range that leaves a domain whole narrows nothing.
    With fewer than 10 networks done nothing is narrowed.
    """
    done = frame[frame["state"] == "done"]
    columns = [
        column for column in space.columns if column in done and len(done) >= _LEAST and done[column].nunique() > 1
    ]
    if not columns:
        words = f"Nothing was narrowed: {len(done)} networks were trained, and at least {_LEAST} are needed."
        return Advice(space, {}, {}, (words,))
    errors = done["error"].to_numpy(float)
    values = {column: done[column].to_numpy(float) for column in columns}
    ranges = bootstrap(values, errors, seed=seed)
    relevance = importance(values, errors, seed=seed)
    narrower: dict[str, Any] = {column: (good.low, good.high) for column, good in ranges.items()}
    refined = space.refine(name=f"{space.name}_refined", **narrower)
    changed = [column for column in columns if refined.domains[column] != space.domains[column]]
    decisions = [_in_words(column, space, ranges[column], relevance[column]) for column in changed]
    if not changed:
        decisions = ["Nothing was narrowed: the good range of every parameter is its whole domain."]
    return Advice(refined, ranges, relevance, tuple(decisions))


def draw_refined(advice: Advice, space: DesignSpace, n: int, seed: int, earlier: Sample) -> tuple[Advice, Sample]:
    """n networks of the refined space that are not in the earlier sample.

    Where the refined space holds too few, parameters get their old range back, those first that explain the error
    least, and the decisions say so.
    """
    decisions = list(advice.decisions)
    refined = advice.space
    for column in [*reversed(list(advice.relevance)), None]:
        try:
            sample = draw(refined, n, seed, exclude=earlier.batch)
            return Advice(refined, advice.good_ranges, advice.relevance, tuple(decisions)), sample
        except SpaceError as error:
            if column is None:
                raise SpaceError(
                    f"{error} The space leaves no room to confirm a refinement; ask for fewer trials."
                ) from error
            ranges: dict[str, Any] = {
                name: (good.low, good.high)
                for name, good in advice.good_ranges.items()
                if list(advice.relevance).index(name) < list(advice.relevance).index(column)
            }
            refined = space.refine(name=advice.space.name, **ranges)
            decisions.append(f"{column} got its old range back: the refined space held fewer than {n} new networks.")
    raise AssertionError("unreachable: the last try raises")


def _in_words(column: str, space: DesignSpace, good: GoodRange, relevance: Relevance) -> str:
    low, high = space.domains[column].bounds
    verdict = "clear" if relevance.p_holm < 0.05 else "some" if relevance.p_value < 0.05 else "weak"
    return (
        f"{column}: {_number(low)} to {_number(high)} narrowed to {_number(good.low)} to {_number(good.high)}, best "
        f"{_number(good.best)} ({verdict} evidence that it matters: p = {relevance.p_value:.2g})."
    )


def _number(value: float) -> str:
    return np.format_float_positional(value, precision=3, unique=True, trim="-")
