"""Populations against each other, as text: whether they were trained alike, and which are better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netwright.analysis.analyzing import Analysis
from netwright.analysis.looking import equivalence_lines, sequential_lines
from netwright.report.comparison import CAUTION, REPEATS, Comparison, pairs_of
from netwright.report.provenance import differences_sentence, unlike_parts, whose
from netwright.report.text import amount
from netwright.report.view import PopulationView, on_one_scale
from netwright.stats import PermutationTest
from netwright.stats.checks import check_points

__all__ = ["comparison_text", "lettered"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def lettered(views: Sequence[PopulationView]) -> tuple[PopulationView, ...]:
    """The populations; where two have one name, as two sweeps of a space have, with a letter in their order."""
    names = [view.name for view in views]
    if len(set(names)) == len(names):
        return tuple(views)
    letters = [_LETTERS[i] if i < len(_LETTERS) else str(i + 1) for i in range(len(views))]
    return tuple(replace(view, name=f"{letter} {view.name}") for letter, view in zip(letters, views, strict=True))


def comparison_text(
    a: Analysis,
    b: Analysis,
    *more: Analysis,
    seed: int = 0,
    repeats: int = REPEATS,
    margin: float | None = None,
    sequential: bool = False,
    most: int | None = None,
) -> str:
    """Whether b differs from a, or which of several populations differ, as several lines of text.

    What was not the same in their trainings stands above everything.

    Args:
        a: The first population.
        b: The second one.
        more: Others: each pair is compared.
        seed: Of the tests.
        repeats: Shuffles of each.
        margin: A difference of the means that does not matter, in points: are they closer than that?
        sequential: Also what may be said by somebody who looks after every trial.
        most: Networks of each that were planned before the first of these looks; None: without end.

    Raises:
        StatsError: A margin of 0 or less, or as large as the largest error; or more networks than planned.
    """
    views = on_one_scale(lettered([analysis.view for analysis in (a, b, *more)]))
    check_points(margin, "margin", views[0].outcomes.worst)
    names = [view.name for view in views]
    width = max(map(len, names))
    unlike = differences_sentence(names, [view.provenance for view in views])
    lines = [*([unlike] if unlike else []), *_unknown(views)]
    lines.append(f"{'':<{width}}  [n | min | mean], percent{_failures(views)}")
    lines += [f"{view.name:<{width}}  {view.legend()}" for view in views]
    sides = names if more else list(_sides((names[0], names[1])))
    beside = [] if margin is None else equivalence_lines(views, sides, margin, seed=seed, repeats=repeats)
    beside += sequential_lines(views, sides, margin=margin, most=most) if sequential else []
    if more:
        return "\n".join([*lines, *_all_pairs(pairs_of(views, seed=seed, repeats=repeats), seed), *beside])
    comparison = Comparison.of(*views, is_refinement=False, seed=seed, repeats=repeats)
    assert comparison is not None, "an analysis has an error"
    lines += [*_one_pair(comparison, seed), _verdict(comparison), *_caution([comparison])]
    if len(views[0].errors) != len(views[1].errors):
        lines.append("the minima are not compared: the larger population has the lower one by its size alone")
    return "\n".join([*lines, *beside])


def _unknown(views: Sequence[PopulationView]) -> list[str]:
    """Trials of which nothing is known, and networks that are left out."""
    lines = []
    for view in views:
        found = view.outcomes
        if found.lost or found.unfinished or found.pruned or (view.survivors and found.n_failed):
            lines.append(f"{view.name}: {view.tally()}")
    return lines


def _failures(views: Sequence[PopulationView]) -> str:
    if not any(view.n_failed for view in views):
        return ""
    return f"; failed networks are behind all others, with errors of {views[0].failure_error:g}%"


def _one_pair(comparison: Comparison, seed: int) -> list[str]:
    means, distance = comparison.mean, comparison.ks
    a, b = _sides(comparison.names)
    lines = [
        f"mean of {b} - {a}: {means.difference:+.2f} points, {_interval(means)}, "
        f"permutation p = {means.p_value:.2g} ({means.n_a} and {means.n_b} networks, seed {seed})",
        f"Kolmogorov-Smirnov: D = {distance.statistic:.3f} at {distance.gap_at:.2f}%, p = {distance.p_value:.2g}",
        f"a network of {b} beats one of {a} in {distance.effect.superiority:.0%} of pairs; "
        f"Cohen's d {distance.effect.standardized:+.2f}",
    ]
    mixes = comparison.mixes
    if mixes is not None and mixes.differ:
        lines.append(
            f"the mixes of {mixes.cost} differ: medians {amount(mixes.medians[0])} and "
            f"{amount(mixes.medians[1])} (p = {mixes.p_value:.2g})"
        )
        lines.append(
            f"at equal mixes of {mixes.cost} (NDS): means {mixes.test.mean_b:.2f} and {mixes.test.mean_a:.2f} "
            f"(p = {mixes.test.p_value:.2g}, permutation within bins)"
            if mixes.test is not None
            else f"no {mixes.cost} overlap, so they cannot be compared at equal {mixes.cost}"
        )
    return lines


def _sides(names: tuple[str, str]) -> tuple[str, str]:
    """`A` and `B` for the first and the second population, or their names where one of these is a letter."""
    letters = ("A", "B")
    return names if set(names) & set(letters) and names != letters else letters


def _interval(means: PermutationTest) -> str:
    if means.interval is None:
        return "no interval"  # of fewer than five networks
    return f"95% interval {means.interval[0]:+.2f} to {means.interval[1]:+.2f}"


def _verdict(comparison: Comparison) -> str:
    if not (comparison.is_better or comparison.is_worse):
        none = f"no difference in the mean is shown (p = {comparison.mean.p_value:.2g})"
        return f"{none}; {comparison.too_few}" if comparison.too_few else none
    better = comparison.names[1 if comparison.is_better else 0]
    p = comparison.mean.p_value
    verdict = f"{better} is better in the mean (p = {p:.2g}: chance alone rarely shows such a difference)"
    if comparison.differences:
        return (
            f"{verdict}. This is about the populations, whose {whose(comparison.differences)}, not about their spaces"
        )
    if comparison.is_one_space:
        why = "so it is chance, or something that the populations do not record"
        return f"{verdict}. Both are samples of one space, {why}"
    return f"{verdict}, {comparison.at_equal_mixes}" if comparison.at_equal_mixes else verdict


def _all_pairs(pairs: Sequence[Comparison], seed: int) -> list[str]:
    """A row for each pair, and which populations are better by the corrected p-values."""
    names = [f"{pair.names[1]} - {pair.names[0]}" for pair in pairs]
    width = max(map(len, names))
    heads = f"{'means':>8}  {'95% interval':<18}  {'p (Holm)':>8}  {'KS D':>5}  {'KS p':>8}"
    lines = [f"{'':<{width}}  {heads}"]
    for name, pair in zip(names, pairs, strict=True):
        interval = _interval(pair.mean).removeprefix("95% interval ")
        lines.append(
            f"{name:<{width}}  {pair.mean.difference:>+8.2f}  {interval:<18}  {pair.p_value:>8.2g}  "
            f"{pair.ks.statistic:>5.2f}  {pair.ks.p_value:>8.2g}"
        )
    lines.append(f"p (Holm): permutation tests of the means (seed {seed}), corrected for {len(pairs)} pairs; KS is not")
    shown = [pair for pair in pairs if pair.is_better or pair.is_worse]
    for pair in shown:
        better, worse = reversed(pair.names) if pair.is_better else pair.names
        but = f", {pair.at_equal_mixes}" if pair.at_equal_mixes else ""
        but = f", but {unlike_parts(pair.differences)} differ" if pair.differences else but
        lines.append(f"{better} is better than {worse} in the mean (p = {pair.p_value:.2g}){but}")
    return [*lines, *_caution(shown)] if shown else [*lines, "no difference in the mean is shown"]


def _caution(pairs: Sequence[Comparison]) -> list[str]:
    return [CAUTION.lower()] if any(pair.is_of_few and (pair.is_better or pair.is_worse) for pair in pairs) else []
