"""A union as a file has it: a list of spaces, with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netwright.errors import SpaceError
from netwright.space.families import unknown
from netwright.space.located import about
from netwright.space.space import DesignSpace
from netwright.space.union import UnionSpace, union
from netwright.space.values import constraints

__all__ = ["union_from_dict"]

_KEYS = ("name", "summary", "union", "limits")
_EXAMPLE = "For example: union: [anynetx_d, {space: regnetx, weight: 2}]."


def union_from_dict(values: Mapping[str, Any], load: Callable[[str], DesignSpace] | None = None) -> UnionSpace:
    """A union from what `UnionSpace.to_dict` gave or a person wrote.

    Args:
        values: The keys of a file.
        load: Finds a space by its name or path; None where all are written out.

    Raises:
        SpaceError: An unknown key, or a list that is none of spaces.
    """
    for key in values:
        if key not in _KEYS:
            with about(str(key)):
                raise unknown("key of a union", key, _KEYS)
    with about("union"):
        given = values["union"]
        if not isinstance(given, list) or not given:
            raise SpaceError(f"a union is a list of spaces, not {given!r}. {_EXAMPLE}")
        members, weights = zip(*(_member(each, load) for each in given), strict=True)
        named = {"name": None if values.get("name") is None else str(values["name"])}
        if len(members) == 1:  # a union of which one member was left
            found = UnionSpace(named["name"] or members[0].name, "union", (), members=members, weights=weights)
        else:
            found = union(*members, weights=weights, **named, summary=str(values.get("summary", "")))
    limits = constraints({"limits": values.get("limits")})
    narrowed = found.refine(**limits)
    assert isinstance(narrowed, UnionSpace), "a narrower union is one"
    return narrowed


def _member(given: Any, load: Callable[[str], DesignSpace] | None) -> tuple[DesignSpace, float]:
    values = {"space": given} if isinstance(given, str) else given
    if not isinstance(values, Mapping) or not set(values) <= {"space", "weight"} or "space" not in values:
        raise SpaceError(f"a space of a union is a name, or has the keys space and weight; not {given!r}. {_EXAMPLE}")
    weight, space = values.get("weight", 1.0), values["space"]
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise SpaceError(f"the weight of a space in a union is a number, not {weight!r}. {_EXAMPLE}")
    if isinstance(space, Mapping):
        return DesignSpace.from_dict(space), float(weight)
    if load is None:
        raise SpaceError(f"the spaces of a stored union are written out, not {space!r}. Read a file by `load_space`.")
    return load(str(space)), float(weight)
