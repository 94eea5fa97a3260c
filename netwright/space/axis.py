"""One parameter of a design space, over all stages of its networks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from netwright.errors import SpaceError
from netwright.space.domain import Choice, Domain

__all__ = ["ORDERS", "Axis"]

ORDERS = ("non_decreasing", "non_increasing")


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter: a domain a draw, tied to one draw for all stages, or ordered from stage to stage."""

    name: str
    domains: tuple[Domain, ...]
    tied: bool = False
    order: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what is drawn: `w0`, or `depth_1` ... `depth_4`, or `bottleneck` where it is tied."""
        if len(self.domains) == 1:
            return (self.name,)
        return tuple(f"{self.name}_{i}" for i in range(1, len(self.domains) + 1))

    def tie(self) -> Axis:
        """The same draw for every stage, from the values that all their domains allow, as likely as in the first."""
        domain = self.domains[0]
        for other in self.domains[1:]:
            ours, theirs = domain.levels(), other.levels()
            if other == domain or ours is None or theirs is None:
                continue
            shared = np.isin(ours[0], theirs[0])
            if not shared.any():
                raise SpaceError(f"no {self.name} is in the domain of every stage, so it cannot be tied. Widen one.")
            if not shared.all():
                domain = Choice(tuple(ours[0][shared].tolist()), tuple(ours[1][shared].tolist()))
        return Axis(self.name, (domain,), tied=True)

    def count(self) -> float:
        """How many combinations it allows; infinite where a domain is continuous."""
        listed = [domain.levels() for domain in self.domains]
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
