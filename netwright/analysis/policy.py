"""When a good range narrows a space: how strong the evidence must be that the parameter matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netwright.errors import StatsError
from netwright.system.suggest import suggest

if TYPE_CHECKING:
    from netwright.stats import Relevance

__all__ = ["BEFORE", "BEFORE_FROM", "DEFAULT", "POLICIES", "POLICIES_IN_WORDS", "REFINE_FROM", "Policy", "policy_of"]

REFINE_FROM = 32  # networks that are done: with fewer a refined space is often worse (benchmarks/refinement.py)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which parameters are narrowed, and what sets an order.

    Attributes:
        level: A parameter is narrowed where its p-value, that it does not matter, is below; 1 narrows every one.
        is_corrected: The p-value is Holm's, for testing all parameters together.
        orders: A trend alone sets an order. Otherwise the ordered networks must be better than the others, too.
        text: The policy in words.
    """

    name: str
    level: float
    is_corrected: bool
    orders: bool
    text: str

    def narrows(self, relevance: Relevance) -> bool:
        """Whether the evidence for this parameter is enough."""
        p_value = relevance.p_holm if self.is_corrected else relevance.p_value
        return self.level >= 1 or p_value < self.level


def _policies() -> dict[str, Policy]:
    rules = (
        ("relevant", 0.2, False, "a parameter is narrowed where p < 0.2"),
        ("holm", 0.05, True, "a parameter is narrowed where p < 0.05 after Holm's correction"),
        ("all", 1.0, False, "every parameter is narrowed"),
    )
    plain = [Policy(name, level, corrected, False, text) for name, level, corrected, text in rules]
    ordering = [
        Policy(f"{each.name}+order", each.level, each.is_corrected, True, f"{each.text}; a trend alone sets an order")
        for each in plain
    ]
    return {each.name: each for each in (*plain, *ordering)}


POLICIES = _policies()
DEFAULT = "relevant"
# for help
POLICIES_IN_WORDS = (
    "relevant, where p < 0.2; holm, where p < 0.05 after Holm's correction; all. With +order a trend alone sets an "
    "order from stage to stage"
)
BEFORE, BEFORE_FROM = "all+order", 10  # what version 0.1 did, which had no choice


def policy_of(name: str) -> Policy:
    """The policy of that name. StatsError, with the nearest name, where there is none."""
    if name not in tuple(POLICIES):
        raise StatsError(f"no policy is called {name!r}: {suggest(name, POLICIES)}")
    return POLICIES[name]
