"""What may honestly be said: of a pick beside its baseline, and of a refinement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from netwright.report.story import Contrast
from netwright.report.words import count, p_value, percent, points, signed
from netwright.stats import permutation_test

__all__ = ["Verdict", "of_finalists", "of_refinement", "spread", "with_spread"]


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
    """kind: better, worse, leaning (every seed agrees, but they are few), even, or open (nothing to judge by).

    label: the sentence in three or four words.
    """

    kind: str
    label: str
    sentence: str


def of_finalists(pick: Sequence[float], baseline: Sequence[float], baseline_name: str) -> Verdict:
    """Whether the pick's test errors, one a seed, differ from the baseline's by more than the seeds do."""
    if not pick or not baseline:
        return Verdict("open", "not tested", "One of the two has no test error: nothing is claimed about a difference.")
    gap = float(np.mean(pick) - np.mean(baseline))
    word, better = ("lower", "better") if gap < 0 else ("higher", "worse")
    says = f"The pick's mean test error is {points(gap)} {word} than that of {baseline_name}"
    if min(len(pick), len(baseline)) == 1:
        luck = "but one seed cannot tell a better network from a luckier start: train both with three or more"
        return Verdict("open", "one seed: not tested", f"{says}, {luck}.")
    p = permutation_test(pick, baseline).p_value
    if p <= 0.05:
        return Verdict(better, f"{better} than the baseline", f"{says}, more than seeds explain ({p_value(p)}).")
    if max(pick) < min(baseline) or min(pick) > max(baseline):
        least = 2 / comb(len(pick) + len(baseline), len(pick))
        few = f"and every seed agrees, but so few seeds can show no more than {p_value(least)}: likely, not proven"
        return Verdict("leaning", f"likely {better} than the baseline", f"{says} {few}.")
    return Verdict("even", "equal within seed noise", f"{says}, which is within the noise of the seeds ({p_value(p)}).")


def of_refinement(contrast: Contrast | None, before: str, after: str) -> Verdict:
    """Whether the second population is better than the first by more than chance."""
    if contrast is None:
        said = f"No test compares {after} with {before}, so nothing is claimed about a difference."
        return Verdict("open", "refinement not tested", said)
    mean, ks = contrast.mean, contrast.ks
    word = "lower" if mean.difference < 0 else "higher"
    says = f"The mean error of {after} is {points(mean.difference)} {word} than that of {before} ("
    if mean.interval is not None:
        says += f"95% interval of the difference {signed(mean.interval[0])} to {signed(mean.interval[1])}, "
    says += (
        f"{p_value(mean.p_value)}; Kolmogorov-Smirnov {ks.statistic:.2f}, {p_value(ks.p_value)}). A random network of "
        f"{after} beats one of {before} {100 * mean.effect.superiority:.0f}% of the time"
    )
    kind = "better" if contrast.is_better else "worse" if contrast.is_worse else "even"
    label, ends = (_OF_REFINEMENTS if contrast.is_refinement else _OF_SPACES)[kind]
    return Verdict(kind, label.format(after=after, before=before), f"{says}: {ends}.")


def spread(errors: Sequence[float]) -> float | None:
    """Standard deviation over seeds; None for fewer than two."""
    return float(np.std(errors, ddof=1)) if len(errors) > 1 else None


def with_spread(errors: Sequence[float]) -> str:
    """`1.85% ± 0.12 (3 seeds)`."""
    if not errors:
        return "no test error"
    deviation = spread(errors)
    said = percent(float(np.mean(errors)))
    return f"{said} (one seed)" if deviation is None else f"{said} ± {deviation:.2f} ({count(len(errors), 'seed')})"
