"""Refining a union: each member from its own networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netwright.space import UnionSpace
from netwright.space.drawn_setting import codes
from netwright.space.union import MEMBER

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["advise_union"]


def advise_union(space: UnionSpace, frame: pd.DataFrame, advise_one: Callable[..., Any], **options: object) -> Any:
    """What the networks of each member say of that member; names of parameters begin with the member's.

    Which member is better is no question of ranges: `netwright analyze` tests the column `space`. A step from one
    family to another is not looked for.

    Args:
        space: The union.
        frame: Of its population.
        advise_one: `netwright.analysis.refine.advise`.
        **options: Its options.

    Returns:
        An `Advice` whose space is the union of the narrower members.
    """
    members = [each.name for each in space.members]
    member = codes(MEMBER, frame[MEMBER].tolist(), members)  # of a view of a population they are numbers already
    found = [advise_one(each, frame[member == at], **options) for at, each in enumerate(space.members)]
    refined = tuple(replace(each.space, name=name) for each, name in zip(found, members, strict=True))
    pairs = list(zip(members, found, strict=True))
    is_narrowed = any(each.parameters != old.parameters for each, old in zip(refined, space.members, strict=True))
    ending = "refined" if is_narrowed else "again"
    return replace(
        found[0],
        space=replace(space, members=refined, name=f"{space.name}_{ending}"),
        good_ranges={f"{name}: {key}": value for name, each in pairs for key, value in each.good_ranges.items()},
        relevance={f"{name}: {key}": value for name, each in pairs for key, value in each.relevance.items()},
        decisions=tuple(f"{name}: {line}" for name, each in pairs for line in each.decisions),
        findings=tuple(replace(x, parameter=f"{name}: {x.parameter}") for name, each in pairs for x in each.findings),
        trends=tuple(trend for each in found for trend in each.trends),
        missing=max(each.missing for each in found),
        notes=tuple(f"{name}: {line}" for name, each in pairs for line in each.notes),
        linear_step=None,
    )
