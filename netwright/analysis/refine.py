"""From a trained population to a narrower space: the good ranges, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from netwright.analysis.trends import trends
from netwright.errors import SpaceError
from netwright.space import DesignSpace, Sample, draw
from netwright.stats import GoodRange, Relevance, bootstrap, importance

__all__ = ["Advice", "advise", "draw_refined"]

Floats = npt.NDArray[np.float64]

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

    frame: of the population, as `Population.frame()` gives it; failed trials are left out. A range that leaves a domain
    whole narrows nothing, and with fewer than 10 networks done nothing is: the space is then the same by another name.
    Widths or depths that go with the error as they rise from stage to stage are ordered, as DDS goes from C to D and E.
    """
    same = space.refine(name=f"{space.name}_again")
    done = frame[frame["state"] == "done"]
    columns = [
        column for column in space.columns if column in done and len(done) >= _LEAST and done[column].nunique() > 1
    ]
    if not columns:
        few = f"{len(done)} networks were trained, and at least {_LEAST} are needed."
        words = few if len(done) < _LEAST else "no parameter has more than one value."
        return Advice(same, {}, {}, (f"Nothing was narrowed: {words}",))
    errors = done["error"].to_numpy(float)
    values = {column: done[column].to_numpy(float) for column in columns}
    ranges = bootstrap(values, errors, seed=seed)
    relevance = importance(values, errors, seed=seed)
    risen = [trend for trend in trends(space, done, seed=seed) if trend.order is not None]
    narrower: dict[str, Any] = {column: (good.low, good.high) for column, good in ranges.items()}
    refined = space.refine(
        name=f"{space.name}_refined", order={trend.parameter: trend.order for trend in risen if trend.order}, **narrower
    )
    changed = [column for column in columns if refined.distributions[column] != space.distributions[column]]
    if not changed and not risen:
        words = "Nothing was narrowed: the good range of every parameter is its whole domain."
        return Advice(same, ranges, relevance, (words,))
    decisions = [trend.in_words() for trend in risen]
    decisions += [_in_words(column, space, values[column], ranges[column], relevance[column]) for column in changed]
    return Advice(refined, ranges, relevance, tuple(decisions))


def draw_refined(advice: Advice, space: DesignSpace, n: int, seed: int, earlier: Sample) -> tuple[Advice, Sample]:
    """n networks of the refined space that are not in the earlier sample.

    Where the refined space holds too few, parameters get their old range back, those first that explain the error
    least, and the decisions say so.
    """
    refined, decisions = advice.space, list(advice.decisions)
    narrowed = [column for column in advice.relevance if refined.distributions[column] != space.distributions[column]]
    while True:
        try:
            sample = draw(refined, n, seed, exclude=earlier.batch)
        except SpaceError as error:
            if not narrowed:
                raise SpaceError(f"there is no room to confirm a refinement: {error}") from error
            column = narrowed.pop()
            ranges: dict[str, Any] = {
                name: (advice.good_ranges[name].low, advice.good_ranges[name].high) for name in narrowed
            }
            orders = {each.name: each.order for each in refined.parameters if each.order is not None}
            refined = space.refine(name=advice.space.name, order=orders, **ranges)
            decisions.append(f"{column} got its old range back: the refined space held fewer than {n} new networks.")
        else:
            return replace(advice, space=refined, decisions=tuple(decisions)), sample


def _in_words(column: str, space: DesignSpace, drawn: Floats, good: GoodRange, relevance: Relevance) -> str:
    domain, reached = space.distributions[column].bounds, (float(drawn.min()), float(drawn.max()))
    # a budget alone keeps much of a domain out, which is no merit of the refinement
    within = "" if reached == domain else f" ({_span(*reached)} were drawn within the limits)"
    verdict = "clear" if relevance.p_holm < 0.05 else "some" if relevance.p_value < 0.05 else "weak"
    return (
        f"{column}: {_span(*domain)}{within} narrowed to {_span(good.low, good.high)}, best {_number(good.best)} "
        f"({verdict} evidence that it matters: p = {relevance.p_value:.2g})."
    )


def _span(low: float, high: float) -> str:
    return f"{_number(low)} to {_number(high)}"


def _number(value: float) -> str:
    return np.format_float_positional(value, precision=3, unique=True, trim="-")
