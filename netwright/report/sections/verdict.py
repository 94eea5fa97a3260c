"""What the evidence supports: about the pick beside its baseline, and about two populations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netwright.report.comparison import CAUTION, LEVEL, Comparison
from netwright.report.mixes import Mixes
from netwright.report.provenance import unlike_parts, whose
from netwright.report.text import amount, count, p_value, percent, points, signed
from netwright.report.view import SURVIVORS
from netwright.stats import seed_test
from netwright.stats.seeds import FEWEST_SEEDS

__all__ = ["Verdict", "of_finalists", "of_refinement", "spread", "with_spread"]

_LEAST_GAP = 0.01  # points that two decimals can show
# kind -> (label, end of the sentence)
_OF_REFINEMENTS = {
    "better": ("refinement confirmed", "the refinement is confirmed"),
    "worse": ("refinement made it worse", "the refinement made the space worse, so keep the wider one"),
    "even": (
        "refinement not confirmed",
        "the difference of the means may be chance, so the refinement is not confirmed",
    ),
}
_OF_SPACES = {
    "better": ("{after} is better", "more than chance explains"),
    "worse": ("{before} is better", "more than chance explains"),
    "even": ("no difference in the mean shown", "the difference of the means may be chance"),
}


@dataclass(frozen=True)
class Verdict:
    """A conclusion and how sure it is.

    Attributes:
        kind: "better", "worse", "unlike" (better or worse, but of populations that were not trained alike or have other
            mixes of complexity), "even" (nothing is shown), or "open" (no test).
        label: The conclusion in a few words.
        sentence: The conclusion with its numbers.
    """

    kind: str
    label: str
    sentence: str


def of_finalists(pick: Sequence[float], baseline: Sequence[float], baseline_name: str) -> Verdict:
    """Whether the test errors of the pick and the baseline differ by more than those of different seeds do.

    Args:
        pick: Test errors in percent, one for each seed.
        baseline: Likewise.
        baseline_name: Its name in the sentence.
    """
    if not pick or not baseline:
        return Verdict("open", "not tested", "One of the two has no test error: nothing is claimed about a difference.")
    test = seed_test(pick, baseline)
    word, better = ("lower", "better") if test.difference < 0 else ("higher", "worse")
    sentence = f"The pick's mean test error is {_gap(test.difference, word)} that of {baseline_name}"
    if min(test.n_a, test.n_b) == 1:
        luck = f"but with one seed this may be luck: train both with {FEWEST_SEEDS} seeds or more"
        return Verdict("open", "one seed: not tested", f"{sentence}, {luck}.")
    if test.is_separated:
        said = f"{sentence}, more than seeds explain ({p_value(test.p_value)})."
        return Verdict(better, f"{better} than the baseline", said)
    seeds = count(test.n_a, "seed") if test.n_a == test.n_b else f"{test.n_a} and {test.n_b} seeds"
    if not test.difference:
        return Verdict("even", "equal to the baseline", f"{sentence}.")
    # never less than the gap itself, which was not seen
    unseen = max(test.detectable or 0.0, abs(test.difference))
    sentence += f", not separated by {seeds} ({p_value(test.p_value)})"
    if unseen:
        sentence += f"; a difference under {points(unseen)} could not have been seen"
    if test.smallest_p > LEVEL:
        sentence += f". So few seeds cannot show any difference: {p_value(test.smallest_p)} is the lowest possible"
    return Verdict("even", f"not separated by {seeds}", f"{sentence}.")


def of_refinement(comparison: Comparison | None, before: str, after: str) -> Verdict:
    """Whether the second population is better than the first one by more than chance.

    Args:
        comparison: Of the two, None where there is none.
        before: Name of the first population.
        after: Name of the second one.
    """
    if comparison is None:
        sentence = f"No test compares {after} with {before}, so nothing is claimed about a difference."
        return Verdict("open", "refinement not tested", sentence)
    mean, ks = comparison.mean, comparison.ks
    word = "lower" if mean.difference < 0 else "higher"
    sentence = f"The mean error of {after} is {_gap(mean.difference, word)} that of {before} ("
    if mean.interval is not None:
        sentence += f"95% interval of the difference {signed(mean.interval[0])} to {signed(mean.interval[1])}, "
    sentence += (
        f"{p_value(mean.p_value)}; Kolmogorov-Smirnov {ks.statistic:.2f}, {p_value(ks.p_value)}). A random network of "
        f"{after} beats one of {before} {100 * mean.effect.superiority:.0f}% of the time"
    )
    kind = "better" if comparison.is_better else "worse" if comparison.is_worse else "even"
    label, ends = (_OF_REFINEMENTS if comparison.is_refinement else _OF_SPACES)[kind]
    label, reservation = label.format(after=after, before=before), ""
    if comparison.is_of_few and kind != "even":
        reservation = f" {CAUTION}."
    if comparison.differences:
        label += f", but {unlike_parts(comparison.differences)} differ"
        reservation += (
            f" This is about the populations, whose {whose(comparison.differences)}, and not about their spaces."
        )
    elif comparison.is_one_space and kind != "even":
        label += ", though both are one space"
        reservation += (
            " Both are samples of one space, so it is chance, or something that the populations do not record."
        )
    if comparison.too_few:
        reservation += f" {comparison.too_few[0].upper()}{comparison.too_few[1:]}."
    mixed = _mixes(comparison.mixes, before, after)
    confirmed = True
    if mixed and comparison.mixes and kind != "even":
        confirmed = comparison.mixes.confirm(mean.difference)
        label += f", {'also' if confirmed else 'but not shown'} at equal {comparison.mixes.cost}"
    unlike = comparison.differences or comparison.is_one_space or not confirmed
    kind = "unlike" if kind != "even" and unlike else kind
    return Verdict(
        kind,
        label,
        f"{sentence}: {ends}.{_failures(comparison, before, after)}{reservation}{mixed}{_equivalence(comparison)}",
    )


def _gap(difference: float, word: str) -> str:
    """`0.42 points lower than`, or that there is no gap to speak of."""
    if not difference:
        return "equal to"
    if abs(difference) < _LEAST_GAP:
        return f"less than {points(_LEAST_GAP)} {word} than"
    return f"{points(difference)} {word} than"


def _failures(comparison: Comparison, before: str, after: str) -> str:
    if comparison.survivors:
        return f" How many networks failed does not count here: only {SURVIVORS} do."
    if not any(comparison.failed):
        return ""
    first, second = comparison.failed
    return (
        f" Failed networks are behind all others, with an error of {comparison.worst:g}%: {first:,} of "
        f"{comparison.mean.n_b:,} in {before}, {second:,} of {comparison.mean.n_a:,} in {after}."
    )


def _mixes(mixes: Mixes | None, before: str, after: str) -> str:
    """What the complexities say; empty where their mixes do not differ."""
    if mixes is None or not mixes.differ:
        return ""
    start = (
        f" Their mixes of {mixes.cost} differ: the median is {amount(mixes.medians[0])} in {before} "
        f"and {amount(mixes.medians[1])} in {after} ({p_value(mixes.p_value)})."
    )
    if mixes.test is None:
        return f"{start} Their {mixes.cost} do not overlap, so they cannot be compared at equal {mixes.cost}."
    return (
        f"{start} At equal mixes (NDS's normalized distributions) the mean errors are {percent(mixes.test.mean_b)} and "
        f"{percent(mixes.test.mean_a)} ({p_value(mixes.test.p_value)})."
    )


def _equivalence(comparison: Comparison) -> str:
    """Whether the means are closer than a margin; empty where nobody wanted to know."""
    found = comparison.equivalence
    if found is None:
        return ""
    if found.is_equivalent:
        said = "are closer than"
    else:
        said = "are further apart than" if found.is_beyond else "are not shown to be closer than"
    interval = (
        f"90% interval of the difference {signed(found.interval[0])} to {signed(found.interval[1])}, "
        if found.interval is not None
        else ""
    )
    tests = f"{interval}two one-sided tests, {p_value(found.p_value)}"
    caution = f" {CAUTION}." if found.is_equivalent and comparison.is_of_few else ""
    return f" The means {said} the margin of {points(found.margin)} ({tests}).{caution}"


def spread(errors: Sequence[float]) -> float | None:
    """The standard deviation over seeds; None for fewer than two."""
    return float(np.std(errors, ddof=1)) if len(errors) > 1 else None


def with_spread(errors: Sequence[float]) -> str:
    """`1.85% ± 0.12 (3 seeds)`."""
    if not errors:
        return "no test error"
    deviation = spread(errors)
    mean = percent(float(np.mean(errors)))
    return f"{mean} (one seed)" if deviation is None else f"{mean} ± {deviation:.2f} ({count(len(errors), 'seed')})"
