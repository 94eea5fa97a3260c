"""Unions of design spaces: networks of several spaces in one sample, from each as often as its weight says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import combinations
from typing import Any

import numpy as np

from netwright.errors import SpaceError
from netwright.space.combining import intersect
from netwright.space.distribution import Choice, Distribution, Uniform
from netwright.space.drawn_setting import WORDS
from netwright.space.parameter import Parameter
from netwright.space.space import LIMITS, DesignSpace
from netwright.system.html import paragraph

__all__ = ["MEMBER", "UnionSpace", "union"]

MEMBER = "space"  # the column that has the member which a network was drawn from
_MOST = 8  # members: a size is exact, and counts what each two, three, ... have in common


@dataclass(frozen=True)
class UnionSpace(DesignSpace):
    """Several spaces as one, wherever a space is taken: a network is drawn from one of them.

    Attributes:
        members: The spaces, of distinct names, with the same classes and channels. They may differ in all else.
        weights: How often a network of a sample is drawn from each, in relation to each other (`shares` add up to 1).
            They hold for what is kept, however many draws a member's limits reject. A network of two members counts
            once.
    """

    members: tuple[DesignSpace, ...] = ()
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        names = [each.name for each in self.members]
        if not 1 <= len(names) <= _MOST or len(set(names)) < len(names):
            raise SpaceError(
                f"a union has 2 to {_MOST} spaces of different names, not {', '.join(names)}. Rename them."
            )
        images = [(each.setting.num_classes, each.setting.in_channels) for each in self.members]
        if len(set(images)) > 1:
            raise SpaceError(
                f"spaces of one union have the same num_classes and in_channels; these have {images}. Change the "
                "setting of some."
            )
        if len(self.weights) != len(names) or not all(0 < weight < math.inf for weight in self.weights):
            raise SpaceError(
                f"a union has a weight above 0 for each of its {len(names)} spaces, not {list(self.weights)}. 1 for "
                "each draws from all equally often."
            )
        largest = max(self.members, key=lambda each: each.setting.resolution)
        object.__setattr__(self, "setting", largest.setting)
        recipes = {each.name: each for member in self.members for each in member.recipe}
        object.__setattr__(self, "recipe", tuple(recipes.values()))
        sizes = {each.name: each for member in self.members for each in member.drawn_setting}
        object.__setattr__(self, "drawn_setting", tuple(sizes.values()))

    # -- what it is --------------------------------------------------------------------------------------------

    @property
    def shares(self) -> tuple[float, ...]:
        """How likely a network of a sample is to be drawn from each member."""
        return tuple(weight / sum(self.weights) for weight in self.weights)

    @property
    def columns(self) -> tuple[str, ...]:
        """The member, and names of all that is drawn by any of them."""
        return (MEMBER, *dict.fromkeys(column for member in self.members for column in member.columns))

    @property
    def drawn(self) -> tuple[Parameter, ...]:
        """The choice of the member, and the parameters of all members, the first of each name."""
        first = Parameter(MEMBER, (Choice(tuple(range(len(self.members))), self.weights),))
        found: dict[str, Parameter] = {}
        for parameter in (each for member in self.members for each in member.drawn):
            found.setdefault(parameter.name, parameter)
        return (first, *found.values())

    @property
    def distributions(self) -> dict[str, Distribution]:
        """Column -> its distribution over the networks whose member draws it."""
        found: dict[str, Distribution] = {MEMBER: self.drawn[0].distributions[0]}
        for column in self.columns[1:]:
            pairs = zip(self.members, self.weights, strict=True)
            found[column] = _mixture([(m.distributions[column], w) for m, w in pairs if column in m.columns])
        return found

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        own = {name: WORDS[name] for name in self.columns if name in WORDS}
        return {MEMBER: tuple(each.name for each in self.members)} | own

    def size(self) -> float:
        """How many combinations of parameters there are; those of two members that are of one kind count once."""
        if any(member.size() == math.inf for member in self.members):
            return math.inf
        total = 0
        for many in range(1, len(self.members) + 1):
            for chosen in combinations(self.members, many):
                total += (-1) ** (many + 1) * int(_common_size(chosen))
        return total

    def member_of(self, name: str) -> DesignSpace:
        """The member of that name."""
        return next(each for each in self.members if each.name == name)

    def contains(self, arch: Any) -> bool:
        """Whether any member can draw a network: `DesignSpace.contains`."""
        return any(member.contains(arch) for member in self.members)

    def suggest(self, trial: Any) -> Any:
        """A network of the member that the trial suggests; the names of its parameters begin with the member's."""
        from netwright.space.suggesting import Suggestion, renamed_trial

        name = trial.suggest_categorical(MEMBER, [each.name for each in self.members])
        found = self.member_of(name).suggest(renamed_trial(trial, f"{name}."))
        return Suggestion(found.arch, {MEMBER: name, **found.parameters}, found.recipe)

    def _repr_html_(self) -> str:
        shares = ", ".join(f"{each.name} {share:.0%}" for each, share in zip(self.members, self.shares, strict=True))
        above = paragraph(f"{self.name}: a union, from which networks are drawn as often as {shares}.")
        return above + "".join(member._repr_html_() for member in self.members)

    # -- other unions of it ------------------------------------------------------------------------------------

    def refine(
        self,
        *,
        tie: Iterable[str] = (),
        order: Mapping[str, str] | None = None,
        name: str | None = None,
        **ranges: Any,
    ) -> DesignSpace:
        """A narrower union: each member that has a parameter is narrowed, and limits are those of all.

        A member of which a range leaves nothing leaves the union.

        Raises:
            SpaceError: A name that no member has, or a range that leaves nothing of any.
        """
        order = dict(order or {})
        for key in (*tie, *order, *ranges):
            if key not in LIMITS and not any(_has(member, key) for member in self.members):
                raise SpaceError(
                    f"no space of {self.name!r} has the parameter {key!r}. Choose among {self.columns[1:]}."
                )
        kept, failure = [], None
        for member, weight in zip(self.members, self.weights, strict=True):
            try:
                narrowed = member.refine(
                    tie=[key for key in tie if _has(member, key)],
                    order={key: value for key, value in order.items() if _has(member, key)},
                    **{key: value for key, value in ranges.items() if _applies(member, key)},
                )
                kept.append((narrowed, weight))
            except SpaceError as error:
                failure = error
        if not kept:
            assert failure is not None, "each member failed"
            raise failure
        members, weights = zip(*kept, strict=True)
        return replace(self, name=name or self.name, members=members, weights=weights)

    def _each(self, change: Callable[[DesignSpace], DesignSpace]) -> UnionSpace:
        return replace(self, members=tuple(change(member) for member in self.members))

    def with_distribution(self, name: str, distribution: Distribution) -> DesignSpace:
        return self._each(lambda each: each.with_distribution(name, distribution) if _has(each, name) else each)

    def with_recipe(self, **distributions: Distribution) -> DesignSpace:
        return self._each(lambda each: each.with_recipe(**distributions))

    def with_setting(self, **changes: Any) -> DesignSpace:
        return self._each(lambda each: each.with_setting(**changes))

    def for_images(self, resolution: int, num_classes: int, in_channels: int) -> DesignSpace:
        """Each member for images of this size."""
        return self._each(lambda each: each.for_images(resolution, num_classes, in_channels))

    def to_dict(self) -> dict[str, Any]:
        pairs = zip(self.members, self.weights, strict=True)
        members = [{"space": member.to_dict(), "weight": weight} for member, weight in pairs]
        return {"name": self.name, "summary": self.summary, "union": members}


def union(
    *spaces: DesignSpace, weights: Sequence[float] | None = None, name: str | None = None, summary: str = ""
) -> UnionSpace:
    """One space of the networks of several.

    Args:
        *spaces: Two to eight, which may differ in family, block, stages and setting. A union among them is taken apart.
        weights: How often each is drawn from; None draws from all equally often.
        name: Of the union; None makes one of all names.
        summary: One line about it.

    Raises:
        SpaceError: Fewer than two spaces, equal names, or weights that cannot be.
    """
    given = [1.0] * len(spaces) if weights is None else [float(weight) for weight in weights]
    if len(spaces) < 2 or len(given) != len(spaces):
        raise SpaceError(
            f"a union is of 2 spaces or more with a weight each, not of {len(spaces)} with {len(given)}. Name another."
        )
    members: list[DesignSpace] = []
    shares: list[float] = []
    for space, weight in zip(spaces, given, strict=True):
        parts = zip(space.members, space.shares, strict=True) if isinstance(space, UnionSpace) else [(space, 1.0)]
        for member, share in parts:
            taken = [each.name for each in members]
            number = 2 + sum(each.startswith(f"{member.name}_") for each in taken)
            members.append(replace(member, name=f"{member.name}_{number}") if member.name in taken else member)
            shares.append(weight * share)
    named = name or " or ".join(each.name for each in members)
    return UnionSpace(named, "union", (), summary=summary, members=tuple(members), weights=tuple(shares))


def _has(member: DesignSpace, key: str) -> bool:
    return key in member.columns or any(key == each.name for each in member.drawn)


def _applies(member: DesignSpace, key: str) -> bool:
    """Whether a range is about a member: AnyNets have a fixed number of stages."""
    return member.stages is None if key == "num_stages" else key in LIMITS or _has(member, key)


def _mixture(parts: Sequence[tuple[Distribution, float]]) -> Distribution:
    first = parts[0][0]
    if all(each == first for each, _ in parts):
        return first
    listed = [each.levels() for each, _ in parts]
    known = [levels for levels in listed if levels is not None]
    if len(known) < len(listed):
        return Uniform(min(each.bounds[0] for each, _ in parts), max(each.bounds[1] for each, _ in parts))
    values = np.concatenate([levels[0] for levels in known])
    shares = np.concatenate([levels[1] * weight for levels, (_, weight) in zip(known, parts, strict=True)])
    distinct, place = np.unique(values, return_inverse=True)
    return Choice(tuple(distinct.tolist()), tuple(np.bincount(place, weights=shares).tolist()))


def _common_size(spaces: Sequence[DesignSpace]) -> float:
    """The combinations that all of them have; 0 of different kinds."""
    if len(spaces) == 1:
        return spaces[0].size()
    try:
        return reduce(_common, spaces).size()
    except SpaceError:
        return 0


def _common(a: DesignSpace, b: DesignSpace) -> DesignSpace:
    """`intersect`, where opposite orders leave what is equal in all stages."""
    opposite = [
        x.name for x, y in zip(a.parameters, b.parameters, strict=False) if x.order and y.order and x.order != y.order
    ]
    return intersect(a.refine(tie=opposite), b.refine(tie=opposite))
