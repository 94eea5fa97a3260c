"""What a population says about one parameter: where its good networks lie, and whether that narrows it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.analysis.policy import Policy
from netwright.space import DesignSpace
from netwright.stats import GoodRange, Relevance

__all__ = ["Finding", "finding_of", "narrower", "number", "span"]

Floats = npt.NDArray[np.float64]
Range = tuple[float, float]

_LEVEL = 0.05
_HINT = 0.2  # below this p-value of one parameter there is a hint: no evidence yet, as several parameters are looked at


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
        evidence = f"{self.reason}: p = {self.relevance.p_value:.3g}"
        best = f"best {number(self.good.best)} ({evidence})"
        return f"{self.parameter}: {span(*self.allowed)}{within} {narrowed}, {best}."


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


def finding_of(
    space: DesignSpace, column: str, drawn: Floats, good: GoodRange, relevance: Relevance, rule: Policy | None
) -> Finding:
    """The finding of one parameter.

    Args:
        space: The space that was sampled.
        column: The parameter.
        drawn: (n,) its values in the networks.
        good: Their good range.
        relevance: How much the parameter explains the error.
        rule: When it is narrowed; None where there are too few networks for any.

    Raises:
        SpaceError: No value of the good range is in the space.
    """
    low, high = allowed = space.distributions[column].bounds
    reached = (float(drawn.min()), float(drawn.max()))
    left = narrower(drawn, good)
    if left is not None:
        ends: dict[str, Any] = {column: (max(low, left[0]), min(high, left[1]))}
        cut = space.refine(**ends).distributions[column]
        left = None if cut == space.distributions[column] else cut.bounds
    reason = "no evidence that it matters"
    if relevance.p_holm < _LEVEL:
        reason = "clear evidence that it matters"
    elif relevance.p_value < _HINT:
        reason = "a hint that it matters, as chance gives of 1 parameter in 5"
    if left is None:
        reason = "the good range is all that was drawn"
    elif rule is None:
        reason = "too few networks"
    proposed = left if rule is not None and rule.narrows(relevance) else None
    return Finding(column, allowed, reached, good, relevance, proposed, reason)


def span(low: float, high: float) -> str:
    """A range in words."""
    return f"{number(low)} to {number(high)}"


def number(value: float) -> str:
    """A value of a parameter, without more digits than it needs."""
    return np.format_float_positional(value, precision=3, unique=True, trim="-")
