"""Does it help when a parameter rises from stage to stage? DDS asks this on the way from AnyNetX-C to D and E."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from netwright.space import DesignSpace
from netwright.stats import Relevance, importance, permutation_test

__all__ = ["LEAST_OF_EACH", "Trend", "is_ordered", "rise", "trends", "trends_of"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST_OF_EACH = 16  # ordered networks and others, to compare the two kinds
_LEVEL = 0.05
_MAY_BE_ORDERED = ("width", "depth")  # what DDS orders; nothing suggests an order of groups or bottlenecks


@dataclass(frozen=True, slots=True)
class Trend:
    """How the rise of a parameter from stage to stage correlates with the error.

    Attributes:
        order: The order that the correlation supports, "non_decreasing" or "non_increasing"; None for neither.
        ordered: Number of networks that have this order already.
        others: Number of those that do not.
        difference: Mean error of the ordered ones less that of the others; None where either are too few to compare.
        difference_p: Its p-value by the permutation test of means, with Holm's correction for several orders.
    """

    parameter: str
    relevance: Relevance
    order: str | None
    ordered: int = 0
    others: int = 0
    difference: float | None = None
    difference_p: float | None = None

    @property
    def is_confirmed(self) -> bool:
        """The networks that have this order are better than the others, by more than chance."""
        if self.difference is None or self.difference_p is None:
            return False
        return self.difference < 0 and self.difference_p <= _LEVEL

    def sentence(self, *, is_set: bool = True) -> str:
        """The trend as a decision of a report. is_set: whether the refined space has the order."""
        way, back = ("rise", "fall") if self.order == "non_decreasing" else ("fall", "rise")
        found = (
            f"{self.parameter}: networks whose {self.parameter}s {way} from stage to stage are better (Spearman "
            f"{self.relevance.spearman:+.2f}, p = {self.relevance.p_value:.2g})"
        )
        never = f"never {back}"
        if self.difference is None:
            compared = (
                f"{self.ordered} of {self.ordered + self.others} networks {never}, and {LEAST_OF_EACH} of either kind "
                "are needed to compare them"
            )
        else:
            word = "lower" if self.difference < 0 else "higher"
            compared = (
                f"the mean error of the {self.ordered} that {never} is {abs(self.difference):.2f} points {word} than "
                f"that of the {self.others} others (p = {self.difference_p:.2g})"
            )
        if is_set:
            return f"{found}, and {compared}: they {never} in the refined space."
        # a trend is not the ordered space: few of its networks were seen, and it may be a thousandth of the space
        line = f"order: {{{self.parameter}: {self.order}}}"
        return f"{found}, but {compared}: no order is set. `{line}` in the file of the space sets it."


def rise(values: Floats) -> Floats:
    """The share of pairs of stages that rise minus the share that fall: (n,), from -1 to 1. values: (n, stages)."""
    pairs = list(combinations(range(values.shape[1]), 2))
    signs = [np.sign(values[:, later] - values[:, earlier]) for earlier, later in pairs]
    return np.asarray(np.mean(signs, axis=0))


def is_ordered(values: Floats, order: str) -> Bools:
    """(n,), which rows have the order in all stages. values: (n, stages)."""
    steps = [after >= before for before, after in pairwise(values.T if order == "non_decreasing" else values.T[::-1])]
    return np.asarray(np.logical_and.reduce(steps), np.bool_)


def trends(space: DesignSpace, frame: pd.DataFrame, *, repeats: int = 9999, seed: int = 0) -> tuple[Trend, ...]:
    """The trends of widths and depths that each stage draws and that have no order yet, the clearest first.

    Args:
        space: The space that the networks were sampled from.
        frame: The networks with their errors, at least 10.
        repeats: Of the permutation tests.
        seed: Likewise.
    """
    free = {
        each.name: frame[list(each.columns)].to_numpy(float)
        for each in space.parameters
        if each.name in _MAY_BE_ORDERED and len(each.columns) > 1 and each.order is None
    }
    return trends_of(free, frame["error"].to_numpy(float), repeats=repeats, seed=seed)


def trends_of(stages: Mapping[str, Floats], errors: Floats, *, repeats: int = 9999, seed: int = 0) -> tuple[Trend, ...]:
    """Likewise, from arrays.

    An order is proposed where the rank correlation with the error is significant at 5% after Holm's correction. The
    tendency is measured, since few networks of a free space (1 in 24) are ordered exactly. That those few are better
    is another question: they are compared with the others where there are at least 16 of each.

    Args:
        stages: Parameter -> (n, stages).
        errors: (n,).
        repeats: Of the permutation tests.
        seed: Likewise.
    """
    varying = {name: up for name, values in stages.items() if np.ptp(up := rise(values)) > 0}
    if not varying:
        return ()
    relevance = importance(varying, errors, repeats=repeats, seed=seed)
    found = [
        Trend(name, each, None if each.p_holm > _LEVEL else "non_decreasing" if each.spearman < 0 else "non_increasing")
        for name, each in relevance.items()
    ]
    return _compared(found, stages, errors, repeats, seed)


def _compared(
    found: Sequence[Trend], stages: Mapping[str, Floats], errors: Floats, repeats: int, seed: int
) -> tuple[Trend, ...]:
    """The trends, with the comparison of ordered networks with the others for each that proposes an order."""
    tested: list[Trend] = []
    for trend in found:
        if trend.order is None:
            tested.append(trend)
            continue
        holds = is_ordered(stages[trend.parameter], trend.order)
        ordered, others = errors[holds], errors[~holds]
        trend = replace(trend, ordered=len(ordered), others=len(others))
        if min(len(ordered), len(others)) >= LEAST_OF_EACH:
            test = permutation_test(ordered, others, repeats=repeats, seed=seed)
            trend = replace(trend, difference=test.difference, difference_p=test.p_value)
        tested.append(trend)
    return _holm(tested)


def _holm(tested: Sequence[Trend]) -> tuple[Trend, ...]:
    p_values = sorted(each.difference_p for each in tested if each.difference_p is not None)
    adjusted: dict[float, float] = {}
    highest = 0.0
    for rank, p_value in enumerate(p_values):
        highest = max(highest, min(1.0, p_value * (len(p_values) - rank)))
        adjusted.setdefault(p_value, highest)
    return tuple(
        each if each.difference_p is None else replace(each, difference_p=adjusted[each.difference_p])
        for each in tested
    )
