"""From a trained population to a narrower space: what the evidence supports, by a policy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from netwright.analysis.policy import DEFAULT, REFINE_FROM, Policy, policy_of
from netwright.analysis.trends import Trend, trends
from netwright.errors import SpaceError, StatsError
from netwright.space import DesignSpace, Sample, draw
from netwright.stats import GoodRange, Outcomes, Relevance, bootstrap, importance, outcomes

__all__ = ["Advice", "Finding", "advise", "draw_refined", "narrower", "number", "refined_before", "span"]

Floats = npt.NDArray[np.float64]
Range = tuple[float, float]

_LEAST = 10  # no test of a parameter has fewer networks
# below this p-value, that a parameter does not matter -> how strong the evidence is that it does
_STRENGTHS = ((0.05, "some"), (0.2, "weak"))


@dataclass(frozen=True, slots=True)
class Finding:
    """What a population says about one parameter.

    Attributes:
        parameter: The column.
        allowed: What the space allows.
        drawn: Smallest and largest value of the networks; a budget alone keeps much of what is allowed out.
        good: The good range.
        relevance: How much the parameter explains the error.
        proposed: What the parameter is narrowed to; None where it stays as it is.
        reason: Why it is narrowed or not, in a few words.
    """

    parameter: str
    allowed: Range
    drawn: Range
    good: GoodRange
    relevance: Relevance
    proposed: Range | None
    reason: str

    @property
    def decision(self) -> str:
        """What becomes of the parameter, in a few words."""
        if self.proposed is None:
            return f"stays: {self.reason}"
        return f"narrowed to {span(*self.proposed)}: {self.reason}"

    def sentence(self) -> str:
        """The finding as a decision of a report."""
        within = "" if self.drawn == self.allowed else f" ({span(*self.drawn)} were drawn within the limits)"
        narrowed = "stays" if self.proposed is None else f"narrowed to {span(*self.proposed)}"
        evidence = f"{self.reason}: p = {self.relevance.p_value:.2g}"
        best = f"best {number(self.good.best)} ({evidence})"
        return f"{self.parameter}: {span(*self.allowed)}{within} {narrowed}, {best}."


@dataclass(frozen=True)
class Advice:
    """A refined space and its reasons.

    Attributes:
        space: The refined space.
        good_ranges: Parameter -> the range in which good networks lie.
        relevance: Parameter -> how much it explains the error, the strongest first.
        decisions: One sentence for each decision.
        findings: What was found of each parameter, the strongest first.
        trends: Whether widths or depths should rise or fall from stage to stage.
        policy: When a parameter is narrowed, a key of `netwright.analysis.policy.POLICIES`.
        missing: Number of networks that must still be done before anything is narrowed.
    """

    space: DesignSpace
    good_ranges: Mapping[str, GoodRange]
    relevance: Mapping[str, Relevance]
    decisions: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    trends: tuple[Trend, ...] = ()
    policy: str = DEFAULT
    missing: int = 0


def advise(
    space: DesignSpace,
    frame: pd.DataFrame,
    *,
    policy: str = DEFAULT,
    refine_from: int = REFINE_FROM,
    survivors: bool = False,
    seed: int = 0,
) -> Advice:
    """Narrow parameters to their good ranges (the empirical bootstrap of DDS, section 3.2), where the evidence allows.

    A parameter is narrowed where the policy finds enough evidence that it matters, and only by what was drawn: beyond
    the smallest and the largest value that was drawn nothing is known, so it stays as it is. Widths or depths whose
    rise from stage to stage correlates with the error get an order, as from C to D and E in DDS, where the networks
    that have it are better than the others. With fewer networks than `refine_from`, or where nothing is narrowed, the
    space stays the same under another name.

    Args:
        space: The space that the population was sampled from.
        frame: The population, as `Population.frame()` returns it. Networks that failed count as the worst; what the
            machine failed and what is unfinished says nothing.
        policy: A key of `netwright.analysis.policy.POLICIES`.
        refine_from: Networks that must be done before anything is narrowed, at least 10.
        survivors: Leave out networks that failed. What is good among those that were trained to their end is another
            question than what is good.
        seed: Of the permutation tests.

    Raises:
        StatsError: No such policy, or a limit below 10.
    """
    rule = policy_of(policy)
    if refine_from < _LEAST:
        raise StatsError(f"a space is narrowed from {_LEAST} networks on at least, not {refine_from}: raise the limit.")
    results = outcomes(frame)
    rows = frame[results.rows].assign(error=results.errors)
    if survivors:
        rows = rows[~results.failed]
    done = len(results.survivors)
    missing = max(0, refine_from - done)
    left_out = _left_out(results, survivors)
    columns = [column for column in space.columns if column in rows and rows[column].nunique() > 1]
    same = Advice(space.refine(name=f"{space.name}_again"), {}, {}, (), policy=policy, missing=missing)
    if len(rows) < _LEAST or not columns:
        return replace(same, decisions=(_why_nothing(done, refine_from), *left_out))
    errors = rows["error"].to_numpy(float)
    values = {column: rows[column].to_numpy(float) for column in columns}
    ranges, relevance = bootstrap(values, errors, method="exact"), importance(values, errors, seed=seed)
    found = [
        _finding(space, name, values[name], ranges[name], each, None if missing else rule)
        for name, each in relevance.items()
    ]
    proposed = tuple(trend for trend in trends(space, rows, seed=seed) if trend.order is not None)
    advice = replace(same, good_ranges=ranges, relevance=relevance, findings=tuple(found), trends=proposed)
    if missing:
        return replace(advice, decisions=(_why_nothing(done, refine_from), *left_out))
    orders = {each.parameter: each.order for each in proposed if each.order and (rule.orders or each.is_confirmed)}
    narrowed = [each for each in found if each.proposed is not None]
    decisions = [each.sentence(is_set=each.parameter in orders) for each in proposed]
    decisions += [each.sentence() for each in narrowed]
    advice = replace(advice, decisions=(*decisions, *_unchanged(found, rule), *left_out))
    if not narrowed and not orders:
        return advice
    return replace(advice, space=_refined(space, f"{space.name}_refined", narrowed, orders))


def narrower(drawn: Floats, good: GoodRange) -> Range | None:
    """What a good range leaves of a parameter; None where it takes nothing away.

    An end beyond which nothing was drawn stays open, at infinity: no network speaks against what lies there.

    Args:
        drawn: (n,) values of the networks.
        good: Their good range.
    """
    low = good.low if drawn.min() < good.low else -math.inf
    high = good.high if drawn.max() > good.high else math.inf
    return None if math.isinf(low) and math.isinf(high) else (low, high)


def _finding(
    space: DesignSpace, column: str, drawn: Floats, good: GoodRange, relevance: Relevance, rule: Policy | None
) -> Finding:
    """rule: None where there are too few networks for any."""
    low, high = allowed = space.distributions[column].bounds
    reached = (float(drawn.min()), float(drawn.max()))
    left = narrower(drawn, good)
    if left is not None:
        ends: dict[str, Any] = {column: (max(low, left[0]), min(high, left[1]))}
        cut = space.refine(**ends).distributions[column]
        left = None if cut == space.distributions[column] else cut.bounds
    strength = next((word for level, word in _STRENGTHS if relevance.p_value < level), "no")
    reason = f"{'clear' if relevance.p_holm < 0.05 else strength} evidence that it matters"
    if left is None:
        reason = "the good range is all that was drawn"
    elif rule is None:
        reason = "too few networks"
    proposed = left if rule is not None and rule.narrows(relevance) else None
    return Finding(column, allowed, reached, good, relevance, proposed, reason)


def _refined(
    space: DesignSpace, name: str, narrowed: Sequence[Finding], orders: Mapping[str, str | None]
) -> DesignSpace:
    ranges: dict[str, Any] = {each.parameter: each.proposed for each in narrowed}
    return space.refine(name=name, order={key: order for key, order in orders.items() if order}, **ranges)


def _why_nothing(done: int, refine_from: int) -> str:
    if done >= refine_from:
        return "Nothing was narrowed: no parameter has more than one value."
    missing = refine_from - done
    return (
        f"Nothing was narrowed: {done} network{' is' if done == 1 else 's are'} done, and a space is narrowed from "
        f"{refine_from} on: {missing} more {'is' if missing == 1 else 'are'} needed."
    )


def _unchanged(found: Sequence[Finding], rule: Policy) -> list[str]:
    """A sentence about the parameters that stay as they are."""
    kept = [each for each in found if each.proposed is None]
    if not kept:
        return []
    names = ", ".join(f"{each.parameter} ({each.reason}: p = {each.relevance.p_value:.2g})" for each in kept)
    start = "Nothing was narrowed" if len(kept) == len(found) else "Not narrowed"
    return [f"{start} by the policy {rule.name!r}, {rule.text}: {names}."]


def _left_out(results: Outcomes, survivors: bool) -> list[str]:
    """What is said of the trials that are not networks with an error."""
    said = []
    if results.n_failed and survivors:
        said.append(f"{results.n_failed} networks that failed were left out: this is about the others alone.")
    elif results.n_failed:
        said.append(f"{results.n_failed} networks that failed count as the worst, with an error of {results.worst:g}%.")
    if results.lost:
        said.append(f"{results.lost} trials that the machine failed say nothing.")
    if results.unfinished:
        said.append(f"{results.unfinished} trials are not finished and say nothing.")
    return said


def refined_before(advice: Advice, space: DesignSpace, refined: DesignSpace) -> Advice | None:
    """The advice for a space that was refined before, by another version of netwright or another policy.

    Args:
        advice: Of today.
        space: The space before the refinement.
        refined: What it was refined to then, and sampled.

    Returns:
        None where the advice of today is the same space.
    """
    if refined.parameters == DesignSpace.from_dict(advice.space.to_dict()).parameters:
        return None
    decisions = [f"The space was refined before, not by the policy {advice.policy!r}, and stays as it was then."]
    for column, distribution in refined.distributions.items():
        if (before := space.distributions[column]) != distribution:
            decisions.append(f"{column}: {span(*before.bounds)} narrowed to {span(*distribution.bounds)}.")
    was = {each.name: each.order for each in space.parameters}
    decisions += [
        f"{each.name}: {each.order} from stage to stage."
        for each in refined.parameters
        if each.order and each.order != was[each.name]
    ]
    return replace(advice, space=refined, decisions=tuple(decisions), findings=(), trends=())


def draw_refined(advice: Advice, space: DesignSpace, n: int, seed: int, earlier: Sample) -> tuple[Advice, Sample]:
    """Draw networks of the refined space that are not in the earlier sample.

    Where the refined space has too few, parameters get their old range back, the ones that explain the error least
    first, and then lose their order; the decisions say so.

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
    narrowed = [each for each in advice.findings if each.proposed is not None]
    before = {each.name: each.order for each in space.parameters}
    orders = {each.name: each.order for each in advice.space.parameters if each.order != before[each.name]}
    failure: SpaceError | None = None
    for kept in (orders, {}) if orders else ({},):
        for many in range(len(narrowed), -1, -1):
            refined = _refined(space, advice.space.name, narrowed[:many], kept)
            try:
                sample = draw(refined, n, seed, exclude=earlier.batch)
            except SpaceError as error:
                failure = error
                continue
            why = f"the refined space had fewer than {n} new networks."
            given_back = [f"{each.parameter} got its old range back: {why}" for each in narrowed[many:][::-1]]
            given_back += [f"{name} lost its order again: {why}" for name in orders if name not in kept]
            return replace(advice, space=refined, decisions=(*advice.decisions, *given_back)), sample
    raise SpaceError(f"there is no room to confirm a refinement: {failure}") from failure


def span(low: float, high: float) -> str:
    """A range in words."""
    return f"{number(low)} to {number(high)}"


def number(value: float) -> str:
    """A value of a parameter, without more digits than it needs."""
    return np.format_float_positional(value, precision=3, unique=True, trim="-")
