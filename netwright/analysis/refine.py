"""From a trained population to a narrower space: what the evidence supports, by a policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from netwright.analysis.finding import Finding, finding_of, span
from netwright.analysis.linear_step import LinearStep, linear_step
from netwright.analysis.policy import DEFAULT, REFINE_FROM, Policy, policy_of
from netwright.analysis.refine_union import advise_union
from netwright.analysis.trends import Trend, trends
from netwright.errors import SpaceError, StatsError
from netwright.report.comparison import REPEATS
from netwright.report.text import listing
from netwright.space import DesignSpace, Sample, UnionSpace, draw
from netwright.stats import GoodRange, Outcomes, Relevance, bootstrap, importance, outcomes
from netwright.system.plural import count

__all__ = ["Advice", "advise", "draw_refined", "refined_before"]

_LEAST = 10  # no test of a parameter has fewer networks


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
        notes: What is said of trials that are not networks with an error; `decisions` has it, too.
        linear_step: Whether the step from AnyNet to RegNet is supported, and its space; None where it does not apply.
    """

    space: DesignSpace
    good_ranges: Mapping[str, GoodRange]
    relevance: Mapping[str, Relevance]
    decisions: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    trends: tuple[Trend, ...] = ()
    policy: str = DEFAULT
    missing: int = 0
    notes: tuple[str, ...] = ()
    linear_step: LinearStep | None = None


def advise(
    space: DesignSpace,
    frame: pd.DataFrame,
    *,
    policy: str = DEFAULT,
    refine_from: int = REFINE_FROM,
    survivors: bool = False,
    seed: int = 0,
    repeats: int = REPEATS,
) -> Advice:
    """Narrow parameters to their good ranges (the empirical bootstrap of DDS, section 3.2), where the evidence allows.

    A parameter is narrowed where the policy finds enough evidence that it matters, and only by what was drawn: beyond
    the smallest and the largest value that was drawn nothing is known, so it stays as it is. Widths or depths whose
    rise from stage to stage correlates with the error get an order, as from C to D and E in DDS, where the networks
    that have it are better than the others. With fewer networks than `refine_from`, or where nothing is narrowed, the
    space stays the same under another name. The step from AnyNet to RegNet is offered beside it, where it is supported:
    another space, not a narrower one.

    Args:
        space: The space that the population was sampled from.
        frame: The population, as `Population.frame()` returns it. Networks that failed count as the worst; what the
            machine failed and what is unfinished says nothing.
        policy: A key of `netwright.analysis.policy.POLICIES`.
        refine_from: Networks that must be done before anything is narrowed, at least 10.
        survivors: Leave out networks that failed. What is good among those that were trained to their end is another
            question than what is good.
        seed: Of the permutation tests.
        repeats: Shuffles of each.

    Raises:
        StatsError: No such policy, or a limit below 10.
    """
    if isinstance(space, UnionSpace):
        options: dict[str, Any] = {"policy": policy, "refine_from": refine_from, "survivors": survivors}
        advice: Advice = advise_union(space, frame, advise, **options, seed=seed, repeats=repeats)
        return advice
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
    columns = [each for each in space.columns if each in rows and each not in space.words and rows[each].nunique() > 1]
    if space.words:
        left_out = (*left_out, f"{listing(list(space.words))}: words have no range. `netwright analyze` tests them.")
    same = Advice(space.refine(name=f"{space.name}_again"), {}, {}, (), policy=policy, missing=missing, notes=left_out)
    if len(rows) < _LEAST or not columns:
        return replace(same, decisions=(_why_nothing(done, refine_from), *left_out))
    errors = rows["error"].to_numpy(float)
    values = {column: rows[column].to_numpy(float) for column in columns}
    ranges, relevance = (
        bootstrap(values, errors, method="exact"),
        importance(values, errors, repeats=repeats, seed=seed),
    )
    found = [
        finding_of(space, name, values[name], ranges[name], each, None if missing else rule)
        for name, each in relevance.items()
    ]
    proposed = tuple(trend for trend in trends(space, rows, repeats=repeats, seed=seed) if trend.order is not None)
    step = linear_step(space, rows, None if missing else rule, repeats=repeats, seed=seed)
    advice = replace(
        same, good_ranges=ranges, relevance=relevance, findings=tuple(found), trends=proposed, linear_step=step
    )
    if missing:
        return replace(advice, decisions=(_why_nothing(done, refine_from), *left_out))
    orders = {each.parameter: each.order for each in proposed if each.order and (rule.orders or each.is_confirmed)}
    narrowed = [each for each in found if each.proposed is not None]
    decisions = [each.sentence(is_set=each.parameter in orders) for each in proposed]
    decisions += [each.sentence() for each in narrowed]
    decisions += [step.sentence()] if step is not None and step.is_trend else []
    advice = replace(advice, decisions=(*decisions, *_unchanged(found, rule), *left_out))
    if not narrowed and not orders:
        return advice
    return replace(advice, space=_refined(space, f"{space.name}_refined", narrowed, orders))


def _refined(
    space: DesignSpace, name: str, narrowed: Sequence[Finding], orders: Mapping[str, str | None]
) -> DesignSpace:
    ranges: dict[str, Any] = {each.parameter: each.proposed for each in narrowed}
    return space.refine(name=name, order={key: order for key, order in orders.items() if order}, **ranges)


def _why_nothing(done: int, refine_from: int) -> str:
    if done >= refine_from:
        return "Nothing was narrowed: no parameter has more than one value."
    missing = refine_from - done
    so_far = f"{count(done, 'network')} {'is' if done == 1 else 'are'} done"
    needed = f"{missing} more {'is' if missing == 1 else 'are'} needed"
    return f"Nothing was narrowed: {so_far}, and a space is narrowed from {refine_from} on: {needed}."


def _unchanged(found: Sequence[Finding], rule: Policy) -> list[str]:
    """A sentence about the parameters that stay as they are."""
    kept = [each for each in found if each.proposed is None]
    if not kept:
        return []
    reasons = {reason: [each for each in kept if each.reason == reason] for reason in (each.reason for each in kept)}
    groups = [
        f"{', '.join(f'{each.parameter} (p = {each.relevance.p_value:.3g})' for each in these)}: {reason}"
        for reason, these in reasons.items()
    ]
    start = "Nothing was narrowed" if len(kept) == len(found) else "Not narrowed"
    return [f"{start} by the policy {rule.name!r} ({rule.text}). {'; '.join(groups)}."]


def _left_out(results: Outcomes, survivors: bool) -> tuple[str, ...]:
    """What is said of the trials that are not networks with an error."""
    said = []
    failed = f"{count(results.n_failed, 'network')} that failed"
    one = results.n_failed == 1
    if results.n_failed and survivors:
        said.append(f"{failed} {'was' if one else 'were'} left out: this is about the others alone.")
    elif results.n_failed:
        said.append(f"{failed} {'counts' if one else 'count'} as the worst, with an error of {results.worst:g}%.")
    if results.lost:
        said.append(f"Of {count(results.lost, 'trial')} that the machine failed nothing is known.")
    if results.unfinished:
        said.append(f"Of {count(results.unfinished, 'trial')} that are not finished nothing is known.")
    if results.pruned:
        said.append(
            f"{count(results.pruned, 'pruned trial')} {'is' if results.pruned == 1 else 'are'} left out, so this is "
            "about the better networks alone: what the others have in common is not seen."
        )
    return tuple(said)


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
    return replace(
        advice, space=refined, decisions=tuple(decisions), findings=(), trends=(), missing=0, linear_step=None
    )


def draw_refined(
    advice: Advice,
    space: DesignSpace,
    n: int,
    seed: int,
    earlier: Sample,
    sampler: Callable[..., Sample] = draw,
) -> tuple[Advice, Sample]:
    """Draw networks of the refined space that are not in the earlier sample.

    Where the refined space has too few, parameters get their old range back, the ones that explain the error least
    first, and then lose their order; the decisions say so.

    Args:
        advice: As `advise` returns it.
        space: The space before the refinement.
        n: Number of networks to draw.
        seed: Of the draw.
        earlier: The sample that the advice was derived from.
        sampler: Draws, with the arguments of `netwright.space.draw`.

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
                sample = sampler(refined, n, seed, exclude=earlier.batch)
            except SpaceError as error:
                failure = error
                continue
            why = f"the refined space had fewer than {n} new networks."
            given_back = [f"{each.parameter} got its old range back: {why}" for each in narrowed[many:][::-1]]
            given_back += [f"{name} lost its order again: {why}" for name in orders if name not in kept]
            return replace(advice, space=refined, decisions=(*advice.decisions, *given_back)), sample
    raise SpaceError(f"there is no room to confirm a refinement: {failure}") from failure
