"""What all tests that are updated trial by trial have in common: `test = test.update(a=[31.2]); test.decision`."""

from __future__ import annotations

from typing import Protocol, Self

import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray

__all__ = ["DECISIONS", "OfMeans", "OfTwo", "SequentialTest", "check_margin", "decide", "is_within", "meet"]

DECISIONS = ("better", "worse", "equivalent", "different", "undecided")


class SequentialTest(Protocol):
    """The errors of two populations so far, and what may be said of them now.

    A value: `update` returns another one. With the stated confidence no decision is ever wrong, at none of all looks;
    so one may look as often as one likes, and stop at a decision.

    Which trial is trained next, and which of the two populations it is of, must not depend on errors. Trials that
    failed by their network's fault count, as an error of 100%; leaving them out is a choice by outcome, and so is
    taking the trials that happen to be finished first.
    """

    @property
    def n_a(self) -> int:
        """Number of networks of a."""

    @property
    def n_b(self) -> int:
        """Number of networks of b."""

    @property
    def confidence(self) -> float:
        """Of all intervals and decisions together."""

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true difference lies."""

    @property
    def decision(self) -> str:
        """One of `DECISIONS`: "better" means that a is, with lower errors."""

    def update(self, a: npt.ArrayLike = (), b: npt.ArrayLike = ()) -> Self:
        """The test with more errors, (k,) and (l,), in the order in which their trials were started."""


class OfTwo:
    """Sizes of the two samples of a test; it has them as `a` and `b`."""

    __slots__ = ()
    a: FloatArray
    b: FloatArray

    @property
    def n_a(self) -> int:
        """Number of networks of a."""
        return self.a.size

    @property
    def n_b(self) -> int:
        """Number of networks of b."""
        return self.b.size


class OfMeans(OfTwo):
    """What a test of means shows by its interval."""

    __slots__ = ()
    interval: tuple[float, float]
    margin: float | None

    @property
    def decision(self) -> str:
        """What is shown: "better" (a is), "worse", "equivalent" (closer than the margin) or "undecided"."""
        return decide(self.interval, self.margin)

    @property
    def is_equivalent(self) -> bool:
        """Whether the difference is shown to be smaller than the margin."""
        return is_within(self.interval, self.margin)


def decide(interval: tuple[float, float], margin: float | None) -> str:
    """What an interval of mean a - mean b says; a difference that is shown comes before one that is small."""
    low, high = interval
    if high < 0:
        return "better"
    if low > 0:
        return "worse"
    return "equivalent" if is_within(interval, margin) else "undecided"


def is_within(interval: tuple[float, float], margin: float | None) -> bool:
    """Whether all of an interval is nearer to 0 than the margin."""
    return margin is not None and -margin < interval[0] and interval[1] < margin


def meet(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """What two intervals of one number have in common; where that is nothing, the middle of the gap between them."""
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else ((low + high) / 2, (low + high) / 2)


def check_margin(margin: float | None) -> None:
    """Raise StatsError for a margin that is not above 0."""
    if margin is not None and not 0 < margin < float("inf"):
        raise StatsError(f"margin must be above 0, not {margin:g}: 1.0 means that a point does not matter.")
