"""What the evidence supports: about the pick beside its baseline, and about a refinement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from netwright.report.data import Comparison
from netwright.report.text import count, p_value, percent, points, signed
from netwright.stats import permutation_test

__all__ = ["Verdict", "of_finalists", "of_refinement", "spread", "with_spread"]

# kind -> (label, end of the sentence)
_OF_REFINEMENTS = {
    "better": ("refinement confirmed", "the refinement is confirmed"),
    "worse": ("refinement made it worse", "the refinement made the space worse, so keep the wider one"),
    "even": ("refinement not confirmed", "this may be chance, so the refinement is not confirmed"),
}
_OF_SPACES = {
    "better": ("{after} is better", "more than chance explains"),
    "worse": ("{before} is better", "more than chance explains"),
    "even": ("no difference shown", "this may be chance"),
}


@dataclass(frozen=True)
class Verdict:
    """A conclusion and how sure it is.

    Attributes:
        kind: "better", "worse", "leaning" (every seed agrees, but there are few), "even", or "open" (no test).
        label: The conclusion in three or four words.
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
    gap = float(np.mean(pick) - np.mean(baseline))
    word, better = ("lower", "better") if gap < 0 else ("higher", "worse")
    sentence = f"The pick's mean test error is {points(gap)} {word} than that of {baseline_name}"
    if min(len(pick), len(baseline)) == 1:
        luck = "but with one seed this may be luck: train both with three seeds or more"
        return Verdict("open", "one seed: not tested", f"{sentence}, {luck}.")
    p = permutation_test(pick, baseline).p_value
    if p <= 0.05:
        return Verdict(better, f"{better} than the baseline", f"{sentence}, more than seeds explain ({p_value(p)}).")
    if max(pick) < min(baseline) or min(pick) > max(baseline):
        least = 2 / comb(len(pick) + len(baseline), len(pick))
        few = (
            f"and every seed agrees, but with so few seeds {p_value(least)} is the lowest possible: likely, not proven"
        )
        return Verdict("leaning", f"likely {better} than the baseline", f"{sentence} {few}.")
    return Verdict(
        "even", "equal within seed noise", f"{sentence}, which is within the noise of the seeds ({p_value(p)})."
    )


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
    sentence = f"The mean error of {after} is {points(mean.difference)} {word} than that of {before} ("
    if mean.interval is not None:
        sentence += f"95% interval of the difference {signed(mean.interval[0])} to {signed(mean.interval[1])}, "
    sentence += (
        f"{p_value(mean.p_value)}; Kolmogorov-Smirnov {ks.statistic:.2f}, {p_value(ks.p_value)}). A random network of "
        f"{after} beats one of {before} {100 * mean.effect.superiority:.0f}% of the time"
    )
    kind = "better" if comparison.is_better else "worse" if comparison.is_worse else "even"
    label, ends = (_OF_REFINEMENTS if comparison.is_refinement else _OF_SPACES)[kind]
    return Verdict(kind, label.format(after=after, before=before), f"{sentence}: {ends}.")


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
