"""One parameter of a design space, over all stages of its networks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from netwright.errors import SpaceError
from netwright.space.distribution import Choice, Distribution

__all__ = ["ORDERS", "Parameter"]

ORDERS = ("non_decreasing", "non_increasing")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a space: drawn once a network, or once a stage.

    Attributes:
        name: `depth`, `width`, `w0`, ...
        distributions: One for each draw: as many as stages, or a single one.
        tied: Whether the single draw is for all stages of an AnyNet.
        order: How the draws go from stage to stage, one of `ORDERS`; None where they are free.
    """

    name: str
    distributions: tuple[Distribution, ...]
    tied: bool = False
    order: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what is drawn: `w0`, or `depth_1` ... `depth_4`, or `bottleneck` where it is tied."""
        if len(self.distributions) == 1:
            return (self.name,)
        return tuple(f"{self.name}_{i}" for i in range(1, len(self.distributions) + 1))

    def tie(self) -> Parameter:
        """The same draw for every stage, from the values that all stages allow, as likely as in the first stage.

        Raises:
            SpaceError: No value is allowed in every stage.
        """
        common = self.distributions[0]
        for other in self.distributions[1:]:
            first, second = common.levels(), other.levels()
            if other == common or first is None or second is None:
                continue
            shared = np.isin(first[0], second[0])
            if not shared.any():
                raise SpaceError(
                    f"no value of {self.name} is allowed in every stage, so it cannot be tied. Widen its range in one."
                )
            if not shared.all():
                common = Choice(tuple(first[0][shared].tolist()), tuple(first[1][shared].tolist()))
        return Parameter(self.name, (common,), tied=True)

    def count(self) -> float:
        """How many combinations of draws it allows (an int); infinite where a distribution is continuous."""
        once = {distribution: distribution.levels() for distribution in set(self.distributions)}
        listed = [once[distribution] for distribution in self.distributions]
        if any(levels is None for levels in listed):
            return math.inf
        values = [levels[0] for levels in listed if levels is not None]
        if self.order == "non_increasing":
            values.reverse()
        if self.order is None:
            return math.prod(len(each) for each in values)
        # ways[k]: sequences so far that end at values[k]; Python integers, because they outgrow 64 bits
        ways = np.ones(len(values[0]), dtype=object)
        for before, after in pairwise(values):
            reached = np.concatenate([[0], np.cumsum(ways)])
            ways = reached[np.searchsorted(before, after, side="right")]
        return int(ways.sum())
