"""The parameters of each family of networks, and what each may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable

from netwright.arch import BLOCKS
from netwright.errors import SpaceError
from netwright.space.distribution import Distribution
from netwright.system.suggest import suggest

__all__ = ["FAMILIES", "check_distribution", "parameters_of", "unknown"]

# family -> the parameters that it has of any block; in an AnyNet each is drawn once a stage, in a RegNet once a network
FAMILIES = {
    "anynet": ("depth", "width"),
    "regnet": ("depth", "w0", "wa", "wm"),
}

_WHOLE = ("a whole number of at least 1", lambda v: v >= 1 and v.is_integer(), "Give it a quantum, 1 or 8, say.")
_RATIO = (
    "a whole number or the inverse of one (it divides, so that 4 narrows and 0.25 widens)",
    lambda v: v > 0 and (v.is_integer() or math.isclose(1 / v, round(1 / v), rel_tol=1e-12)),
    "1, 2 and 4 are usual.",
)
# parameter -> (constraint, whether a listed value keeps it, cure)
_LISTED: dict[str, tuple[str, Callable[[float], bool], str]] = {
    "depth": _WHOLE,
    "width": _WHOLE,
    "group_width": _WHOLE,
    "groups": _WHOLE,
    "bottleneck": _RATIO,
}
# beyond these one draw fills the memory, and nobody means them
_LARGEST = dict.fromkeys(("width", "group_width", "groups", "bottleneck", "w0", "wa", "wm"), 1_000_000) | {
    "depth": 1_000
}
_SMALLEST = {"w0": 1e-3, "wm": 1.01}
# parameter -> (constraint, whether its smallest value keeps it, cure)
_BOUNDED: dict[str, tuple[str, Callable[[float], bool], str]] = {
    "w0": ("positive", lambda v: v > 0, "Raise its low end."),
    "wa": ("not negative", lambda v: v >= 0, "Raise its low end."),
    "wm": ("above 1", lambda v: v > 1, "Raise its low end."),
}


def parameters_of(family: str, block: str, given: Container[str] = ()) -> tuple[str, ...]:
    """The parameters of a family's networks of that block, in order.

    A block with a bottleneck adds `bottleneck`, one with groups `group_width`, or `groups` where that is among `given`:
    DDS draws how wide a group is, NDS how many there are.
    """
    groups = "groups" if "groups" in given and "group_width" not in given else "group_width"
    kind = BLOCKS[block]
    return FAMILIES[family] + ("bottleneck",) * kind.is_bottleneck + (groups,) * kind.is_grouped


def check_distribution(name: str, distribution: Distribution) -> None:
    """SpaceError where a parameter's distribution has a value from which no network can be made."""
    largest = distribution.bounds[1]
    if largest > _LARGEST.get(name, math.inf):
        raise SpaceError(
            f"{name} is at most {_LARGEST[name]:,}; {distribution.to_dict()} reaches {largest:g}. Lower its high end."
        )
    if name in _LISTED:
        constraint, holds, cure = _LISTED[name]
        listed = distribution.levels()
        if listed is None:
            raise SpaceError(f"{name} is {constraint}; {distribution.to_dict()} is continuous. {cure}")
        broken = [value for value in listed[0].tolist() if not holds(value)]
    else:
        constraint, holds, cure = _BOUNDED[name]
        least = distribution.bounds[0]
        broken = [] if holds(least) else [least]
        if not broken and least < _SMALLEST.get(name, -math.inf):
            raise SpaceError(
                f"{name} is at least {_SMALLEST[name]:g}; {distribution.to_dict()} holds {least:.9g}. {cure}"
            )
    if broken:
        raise SpaceError(f"{name} is {constraint}; {distribution.to_dict()} holds {broken[0]:g}. {cure}")


def unknown(what: str, name: object, known: Iterable[object]) -> SpaceError:
    """The error for a name that is none of the known ones, with the nearest of them."""
    return SpaceError(f"unknown {what} {str(name)!r}: {suggest(name, known)}")
