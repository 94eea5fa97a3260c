"""Two spaces: what they differ in, and what is in both."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from netwright.errors import SpaceError
from netwright.space.distribution import Choice, Distribution
from netwright.space.parameter import Parameter
from netwright.space.refining import both
from netwright.space.space import DesignSpace
from netwright.system.diff import difference

__all__ = ["intersect", "space_difference"]


def space_difference(old: DesignSpace, new: DesignSpace) -> list[str]:
    """What differs, a line for each part: `parameters.depth.uniform: [1, 64] -> [12, 28]`. Empty where nothing does.

    Names and summaries do not count.
    """
    unnamed = {"name": "", "summary": ""}
    return difference(old.to_dict() | unnamed, new.to_dict() | unnamed)


def intersect(a: DesignSpace, b: DesignSpace, name: str | None = None) -> DesignSpace:
    """The space of the networks that both can draw: common values, all ties and orders, the narrower limits.

    Args:
        a: How likely values are is taken from this one.
        b: Another space of the same family, block, stages and setting.
        name: Of the new space; None makes one of both names.

    Raises:
        SpaceError: Spaces of different kinds, or nothing that is in both.
    """
    unlike = [
        f"{key} ({getattr(a, key)!r} and {getattr(b, key)!r})"
        for key in ("family", "stages", "rounding")
        if getattr(a, key) != getattr(b, key)
    ]
    drawn = [each.name for each in a.drawn_setting if each.name in [other.name for other in b.drawn_setting]]
    unlike += [
        f"{key} ({value!r} and {b.setting.to_dict().get(key)!r})"
        for key, value in a.setting.to_dict().items()
        if key not in drawn and value != b.setting.to_dict().get(key)
    ]
    named = ([each.name for each in space.drawn] for space in (a, b))
    if not unlike and (names := list(named))[0] != names[1]:
        unlike = [f"parameters ({', '.join(names[0])}; {', '.join(names[1])})"]
    if unlike:
        raise SpaceError(
            f"spaces are intersected where they are of one kind; {a.name!r} and {b.name!r} differ in "
            f"{', '.join(unlike)}. Make these equal first (`with_setting`, `base:` in a file)."
        )
    limits = dict(a.limits)
    for key, ends in b.limits.items():
        limits[key] = both(key, ends, limits.get(key, (-math.inf, math.inf)))
    return replace(
        a,
        name=name or f"{a.name} and {b.name}",
        summary=f"What is in {a.name} and in {b.name}",
        parameters=tuple(map(_common, a.parameters, b.parameters)),
        recipe=tuple(map(_common, a.recipe, b.recipe)),
        drawn_setting=tuple(map(_common, a.drawn_setting, b.drawn_setting)),
        limits=limits,
        every_step=a.every_step or b.every_step,
    )


def _common(a: Parameter, b: Parameter) -> Parameter:
    if a.order and b.order and a.order != b.order:
        raise SpaceError(f"{a.name} is {a.order} in one space and {b.order} in the other. Tie it, or free one of them.")
    if a.tied != b.tied:
        loose, fixed = (b, a) if a.tied else (a, b)
        shared = loose.tie()
        a, b = (fixed, shared) if fixed is a else (shared, fixed)
    order = None if a.tied else a.order or b.order
    pairs = zip(a.distributions, b.distributions, strict=True)
    changed = replace(a, distributions=tuple(_both(a.name, x, y) for x, y in pairs), order=order)
    if not changed.count():
        raise SpaceError(f"no {a.name} is left that keeps the order {order}. Widen one of the spaces.")
    return changed


def _both(name: str, x: Distribution, y: Distribution) -> Distribution:
    if x == y:
        return x
    first, second = x.levels(), y.levels()
    try:
        if first is None or second is None:
            listed, other = (x, y) if second is None else (y, x)
            return listed.narrow(*other.bounds)
        narrowed = x.narrow(*y.bounds)
        values = narrowed.levels()
        assert values is not None, "narrowing keeps the kind"
        kept = np.isclose(values[0][:, None], second[0][None, :], rtol=1e-9, atol=0).any(axis=1)
    except SpaceError as error:
        raise SpaceError(f"{name}: {error}") from error
    if kept.all():
        return narrowed
    if not kept.any():
        raise SpaceError(f"no value of {name} is in both spaces: {x.to_dict()} and {y.to_dict()}. Widen one of them.")
    weights = values[1][kept]
    return Choice(tuple(values[0][kept].tolist()), None if np.ptp(weights) == 0 else tuple(weights.tolist()))
