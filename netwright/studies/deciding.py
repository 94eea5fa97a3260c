"""What a study may say of a comparison now: a pure function of the errors so far, in the order of their trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netwright.stats import group_sequential, sequential_means
from netwright.stats.shuffles import LEAST
from netwright.studies.study_file import PlannedComparison

__all__ = ["ComparisonState", "decide", "due_looks"]


@dataclass(frozen=True, slots=True)
class ComparisonState:
    """A comparison as far as it is.

    Attributes:
        planned: What was planned.
        alpha: The probability, over all looks, that its interval misses the true difference.
        n: Networks of each at the last look; 0 before the first.
        difference: Mean a - mean b at that look, points; NaN before.
        interval: Of the true difference.
        decision: "better" (a is), "worse", "equivalent" (closer than the margin) or "undecided".
        is_over: Decided, or looked at for the last time.
        looks: (n, low, high) of each look so far.
    """

    planned: PlannedComparison
    alpha: float
    n: int = 0
    difference: float = float("nan")
    interval: tuple[float, float] = (-100.0, 100.0)
    decision: str = "undecided"
    is_over: bool = False
    looks: tuple[tuple[int, float, float], ...] = ()

    def words(self) -> str:
        """`D is better than C`."""
        a, b = self.planned.a, self.planned.b
        if self.decision == "undecided":
            return "undecided at the last look" if self.is_over else "undecided so far"
        return {
            "better": f"{a} is better than {b}",
            "worse": f"{b} is better than {a}",
            "equivalent": f"{a} and {b} are closer than {self.planned.margin:g} points",
        }[self.decision]


def due_looks(planned: PlannedComparison) -> list[int]:
    """Networks of each at the looks, ascending."""
    sizes = {round(look * planned.trials / planned.looks) for look in range(1, planned.looks + 1)}
    return sorted(size for size in sizes if size >= LEAST)


def decide(
    planned: PlannedComparison, a: Sequence[float], b: Sequence[float], alpha: float, test: str
) -> ComparisonState:
    """Look at a comparison as often as it is due, until it is decided.

    A decision stays: errors that come after it change nothing.

    Args:
        planned: The comparison.
        a: (n,) errors in percent, in the order of their trials, up to the first unfinished one.
        b: (m,) likewise.
        alpha: Of this comparison, over all looks.
        test: One of `netwright.studies.study_file.TESTS`.
    """
    known, taken = min(len(a), len(b)), 0
    looks: list[tuple[int, float, float]] = []
    confidence, margin = 1 - alpha, planned.margin
    found = (
        sequential_means(confidence=confidence, margin=margin)
        if test == "betting"
        else group_sequential(planned.trials, confidence, test, margin)
    )
    sizes = due_looks(planned)
    for until in sizes:
        if until > known:
            break
        found = found.update(np.asarray(a[taken:until]), np.asarray(b[taken:until]))
        taken = until
        looks.append((until, float(found.interval[0]), float(found.interval[1])))
        if found.decision != "undecided":
            break
    if not looks:
        return ComparisonState(planned, alpha)
    low, high = map(float, found.interval)
    is_over = found.decision != "undecided" or taken == sizes[-1]
    return ComparisonState(
        planned, alpha, taken, float(found.difference), (low, high), found.decision, is_over, tuple(looks)
    )
