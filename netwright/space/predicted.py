"""A limit on what a predictor says of networks, handed to the sampler as a constraint: it knows no predictor itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.arch import ArchBatch

__all__ = ["PredictedLimit", "within"]


@dataclass(frozen=True)
class PredictedLimit:
    """A limit on a predicted value.

    Attributes:
        name: What rejection counts and messages call it: "latency".
        values: A batch of n networks -> (n,) their values.
        most: The largest value that is accepted.
        unit: Of the values: "ms".
        cure: What to change where no network is within the limit.
    """

    name: str
    values: Callable[[ArchBatch], npt.NDArray[np.float64]]
    most: float
    unit: str = ""
    cure: str = ""

    def __str__(self) -> str:
        return f"{self.name} <= {self.in_words(self.most)}"

    def in_words(self, value: float) -> str:
        """`4.87 ms`."""
        return f"{value:,.3g} {self.unit}".rstrip()

    def range_in_words(self, least: float, most: float) -> str:
        """What was predicted of the networks drawn, as a message goes on."""
        return f"; {self.name} predicted was {self.in_words(least)} to {self.in_words(most)}"


def within(
    batch: ArchBatch | None,
    predicted: Sequence[PredictedLimit],
    counts: dict[str, int],
    extremes: dict[str, tuple[float, float]],
) -> ArchBatch | None:
    """The candidates, less those beyond a predicted limit; None where nothing is left."""
    for limit in predicted:
        if batch is None:
            break
        values = limit.values(batch)
        least, most = extremes.get(limit.name, (math.inf, -math.inf))
        extremes[limit.name] = (min(least, float(values.min())), max(most, float(values.max())))
        holds = values <= limit.most
        counts[limit.name] += int(np.count_nonzero(~holds))
        batch = batch[holds] if holds.any() else None
    return batch
