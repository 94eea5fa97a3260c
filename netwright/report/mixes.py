"""Complexity of two populations: a space that draws larger networks has lower errors for that alone (NDS)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.report.view import PopulationView
from netwright.stats import NormalizedTest, ks, normalized_test, normalized_weights

__all__ = ["Mixes", "mixes_of"]

Floats = npt.NDArray[np.float64]

_COSTS = ("flops", "params", "acts")
_LEVEL = 0.05


@dataclass(frozen=True)
class Mixes:
    """How the complexities of two populations differ, and their errors at equal mixes of complexity.

    Attributes:
        cost: "flops", "params" or "acts": the one that both spaces limit, else the first that both tables have.
        medians: Of the cost, in both populations.
        p_value: Of the Kolmogorov-Smirnov test of the cost.
        weights: (n,) of the networks of each population, in the order of `PopulationView.counted`, by which the mixes
            are equal (NDS, arXiv 1905.13214); None where no bin of complexity holds networks of both.
        test: Of the second population's errors against the first one's at equal mixes; likewise None.
        p_holm: p-value of that test, corrected for the number of pairs that are compared; None for a single pair.
    """

    cost: str
    medians: tuple[float, float]
    p_value: float
    weights: tuple[Floats, Floats] | None = None
    test: NormalizedTest | None = None
    p_holm: float | None = None

    @property
    def differ(self) -> bool:
        return self.p_value <= _LEVEL

    def confirm(self, difference: float) -> bool:
        """Whether a difference of the means is shown at equal mixes too, in the same direction."""
        if self.test is None:
            return False
        p = self.test.p_value if self.p_holm is None else self.p_holm
        return p <= _LEVEL and self.test.difference * difference > 0


def mixes_of(first: PopulationView, second: PopulationView, *, seed: int = 0, repeats: int = 9999) -> Mixes | None:
    """Compare the complexities; None where no cost is known of every network of both."""
    cost = _cost(first, second)
    if cost is None:
        return None
    a, b = (view.counted[cost].to_numpy(np.float64) for view in (first, second))
    mixes = Mixes(cost, (float(np.median(a)), float(np.median(b))), ks(a, b).p_value)
    if not mixes.differ:
        return mixes
    try:
        weights = normalized_weights(a, common=b), normalized_weights(b, common=a)
    except StatsError:
        return mixes
    test = normalized_test(second.errors, first.errors, b, a, repeats=repeats, seed=seed)
    return replace(mixes, weights=weights, test=test)


def _cost(first: PopulationView, second: PopulationView) -> str | None:
    known = [cost for cost in _COSTS if all(_is_known(view, cost) for view in (first, second))]
    limited = [cost for cost in known if all(cost in (view.space.get("limits") or {}) for view in (first, second))]
    return next(iter([*limited, *known]), None)


def _is_known(view: PopulationView, cost: str) -> bool:
    import pandas as pd

    if cost not in view.counted or view.counted.empty or not pd.api.types.is_numeric_dtype(view.counted[cost]):
        return False
    values = view.counted[cost].to_numpy(np.float64, na_value=np.nan)
    return bool(np.isfinite(values).all() and (values > 0).all())
