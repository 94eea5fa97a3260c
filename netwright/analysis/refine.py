"""From a trained population to a narrower space: the good ranges, and how strong the evidence for them is."""

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

_LEAST = 10  # with fewer networks nothing is concluded


@dataclass(frozen=True)
class Advice:
    """A refined space and its reasons.

    Attributes:
        space: The refined space.
        good_ranges: Parameter -> the range in which good networks lie.
        relevance: Parameter -> how much it explains the error.
        decisions: One sentence for each change of the space.
    """

    space: DesignSpace
    good_ranges: Mapping[str, GoodRange]
    relevance: Mapping[str, Relevance]
    decisions: tuple[str, ...]


def advise(space: DesignSpace, frame: pd.DataFrame, *, seed: int = 0) -> Advice:
    """Narrow each parameter to its good range by the empirical bootstrap (DDS, section 3.2).

    Widths or depths whose rise from stage to stage correlates with the error get an order, as from C to D and E in DDS.
    Where no range is narrower, or fewer than 10 networks are done, the space stays the same under another name.

    Args:
        space: The space that the population was sampled from.
        frame: The population, as `Population.frame()` returns it; failed trials are left out.
        seed: Of the bootstrap and the permutation tests.
    """
    same = space.refine(name=f"{space.name}_again")
    done = frame[frame["state"] == "done"]
    columns = [
        column for column in space.columns if column in done and len(done) >= _LEAST and done[column].nunique() > 1
    ]
    if not columns:
        few = f"{len(done)} networks were trained, and at least {_LEAST} are needed."
        why = few if len(done) < _LEAST else "no parameter has more than one value."
        return Advice(same, {}, {}, (f"Nothing was narrowed: {why}",))
    errors = done["error"].to_numpy(float)
    values = {column: done[column].to_numpy(float) for column in columns}
    ranges = bootstrap(values, errors, seed=seed)
    relevance = importance(values, errors, seed=seed)
    ordered = [trend for trend in trends(space, done, seed=seed) if trend.order is not None]
    narrower: dict[str, Any] = {column: (good.low, good.high) for column, good in ranges.items()}
    refined = space.refine(
        name=f"{space.name}_refined",
        order={trend.parameter: trend.order for trend in ordered if trend.order},
        **narrower,
    )
    changed = [column for column in columns if refined.distributions[column] != space.distributions[column]]
    if not changed and not ordered:
        sentence = "Nothing was narrowed: the good range of every parameter is all that the space allows."
        return Advice(same, ranges, relevance, (sentence,))
    decisions = [trend.sentence() for trend in ordered]
    decisions += [_sentence(column, space, values[column], ranges[column], relevance[column]) for column in changed]
    return Advice(refined, ranges, relevance, tuple(decisions))


def draw_refined(advice: Advice, space: DesignSpace, n: int, seed: int, earlier: Sample) -> tuple[Advice, Sample]:
    """Draw networks of the refined space that are not in the earlier sample.

    Where the refined space has too few, parameters get their old range back, the ones that explain the error least
    first; the decisions say so.

    Args:
        advice: As `advise` returns it.
        space: The space before the refinement.
        n: Number of networks to draw.
        seed: Of the draw.
        earlier: The sample that the advice was derived from.

    Returns:
        The advice, with the space that was drawn from, and the networks.

    Raises:
        SpaceError: Not even the space before the refinement has enough other networks.
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
            decisions.append(f"{column} got its old range back: the refined space had fewer than {n} new networks.")
        else:
            return replace(advice, space=refined, decisions=tuple(decisions)), sample


def _sentence(column: str, space: DesignSpace, drawn: Floats, good: GoodRange, relevance: Relevance) -> str:
    domain, reached = space.distributions[column].bounds, (float(drawn.min()), float(drawn.max()))
    # a budget alone excludes much of what a space allows, which is not the refinement's merit
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
