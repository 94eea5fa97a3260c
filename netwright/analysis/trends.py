"""Does it help when a parameter rises from stage to stage? DDS asks this on the way from AnyNetX-C to D and E."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from netwright.space import DesignSpace
from netwright.stats import Relevance, importance

__all__ = ["Trend", "trends"]

_LEVEL = 0.05
_MAY_BE_ORDERED = ("width", "depth")  # what DDS orders; nothing suggests an order of groups or bottlenecks


@dataclass(frozen=True, slots=True)
class Trend:
    """How the rise of a parameter from stage to stage correlates with the error.

    Attributes:
        order: The order that the correlation supports, "non_decreasing" or "non_increasing"; None for neither.
    """

    parameter: str
    relevance: Relevance
    order: str | None

    def sentence(self) -> str:
        """The trend as a decision of a report."""
        way = "rise" if self.order == "non_decreasing" else "fall"
        return (
            f"{self.parameter}: networks whose {self.parameter}s {way} from stage to stage are better (Spearman "
            f"{self.relevance.spearman:+.2f}, p = {self.relevance.p_value:.2g}), so they never "
            f"{'fall' if way == 'rise' else 'rise'} in the refined space."
        )


def rise(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The share of pairs of stages that rise minus the share that fall: (n,), from -1 to 1. values: (n, stages)."""
    pairs = list(combinations(range(values.shape[1]), 2))
    signs = [np.sign(values[:, later] - values[:, earlier]) for earlier, later in pairs]
    return np.asarray(np.mean(signs, axis=0))


def trends(space: DesignSpace, frame: pd.DataFrame, *, seed: int = 0) -> tuple[Trend, ...]:
    """The trends of widths and depths that each stage draws and that have no order yet, the clearest first.

    An order is proposed where the rank correlation with the error is significant at 5% after Holm's correction. The
    tendency is measured, since few networks of a free space (1 in 24) are ordered exactly.

    Args:
        space: The space that the networks were sampled from.
        frame: The networks that are done, at least 10.
        seed: Of the permutation tests.
    """
    free = {
        each.name: rise(frame[list(each.columns)].to_numpy(float))
        for each in space.parameters
        if each.name in _MAY_BE_ORDERED and len(each.columns) > 1 and each.order is None
    }
    varying: Mapping[str, npt.NDArray[np.float64]] = {name: up for name, up in free.items() if np.ptp(up) > 0}
    if not varying:
        return ()
    relevance = importance(varying, frame["error"].to_numpy(float), seed=seed)
    return tuple(
        Trend(
            name, found, None if found.p_holm > _LEVEL else "non_decreasing" if found.spearman < 0 else "non_increasing"
        )
        for name, found in relevance.items()
    )
