"""Does it help when a parameter rises from stage to stage? The question that leads from AnyNetX-C to D and E."""

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
_MAY_BE_ORDERED = ("width", "depth")  # what DDS orders; an order of groups or bottlenecks has no reason behind it


@dataclass(frozen=True, slots=True)
class Trend:
    """How the rise of a parameter over the stages goes with the error; order: that it speaks for, or None."""

    parameter: str
    relevance: Relevance
    order: str | None

    def in_words(self) -> str:
        way = "rise" if self.order == "non_decreasing" else "fall"
        return (
            f"{self.parameter}: networks whose {self.parameter}s {way} from stage to stage are better (Spearman "
            f"{self.relevance.spearman:+.2f}, p = {self.relevance.p_value:.2g}), so they never "
            f"{'fall' if way == 'rise' else 'rise'} in the refined space."
        )


def rise(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n,) in -1 ... 1: the share of pairs of stages that rise less the share that fall. values: (n, stages)."""
    pairs = list(combinations(range(values.shape[1]), 2))
    signs = [np.sign(values[:, later] - values[:, earlier]) for earlier, later in pairs]
    return np.asarray(np.mean(signs, axis=0))


def trends(space: DesignSpace, frame: pd.DataFrame, *, seed: int = 0) -> tuple[Trend, ...]:
    """Widths and depths that each stage draws and nothing orders yet, the clearest first.

    frame: of the networks that are done, at least 10. An order is proposed where the rank correlation with the error
    passes Holm's correction at 5%; being ordered exactly is rare in a free space (1 in 24), the tendency is in all.
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
