"""What people write in a space's YAML file, or give to `refine`, checked and as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from netwright.errors import SpaceError
from netwright.options import read_quantity, read_window
from netwright.space.distribution import Distribution, distribution_from_dict
from netwright.space.families import unknown
from netwright.space.located import about

__all__ = ["LIMITS", "Range", "constraints", "distributions_of", "range_of", "section"]

LIMITS = ("num_stages", "flops", "params", "acts")

Range = tuple[float, float]


def section(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A mapping within a space's YAML, empty where it is left out."""
    held = values.get(key)
    if held is None:
        return {}
    if not isinstance(held, Mapping):
        with about(key):
            raise SpaceError(f"{key!r} of a space is a mapping, not {held!r}. See `netwright space show regnetx`.")
    return {str(name): value for name, value in held.items()}


def constraints(values: Mapping[str, Any]) -> dict[str, Any]:
    """Ties, orders and limits of a space's YAML, as `refine` takes them."""
    tie, limits = values.get("tie") or [], section(values, "limits")
    if not isinstance(tie, list | tuple):
        with about("tie"):
            raise SpaceError(f"'tie' of a space is a list of parameters, not {tie!r}. For example: [bottleneck].")
    return {"tie": tie, "order": section(values, "order"), **_limits(limits)}


def _limits(given: Mapping[str, Any]) -> dict[str, Any]:
    """`flops: 360M:400M` and `max_flops: 400M` are as on the command line."""
    limits: dict[str, Any] = {}
    for key, value in given.items():
        with about("limits", key):
            name = key.removeprefix("max_")
            if name not in LIMITS:
                raise unknown("limit", key, LIMITS)
            if name in limits:
                raise SpaceError(f"{name} is limited twice, by '{name}' and by 'max_{name}'. Give one of the two.")
            limits[name] = (0, range_of(name, value)[1]) if name != key else value
    return limits


def range_of(key: str, given: Any) -> Range:
    """(low, high) of a limit or of what a parameter is refined to; a number alone is both ends."""
    if isinstance(given, str) and key in LIMITS:
        return _limit(key, given)
    try:
        if isinstance(given, int | float | np.number | str) and not isinstance(given, bool):
            return (_number(key, given),) * 2
        low, high = (_number(key, end) for end in given)
    except (TypeError, ValueError) as error:
        raise SpaceError(
            f"{key} is refined by (low, high) or by one number, not by {given!r}. For example: {key}=(8, 64)."
        ) from error
    if not low <= high:
        cure = "Swap them, and give numbers." if math.isnan(low + high) else "Swap them."
        raise SpaceError(f"{key} is refined by (low, high) with low <= high, not by ({low:g}, {high:g}). {cure}")
    return low, high


def _limit(key: str, given: str) -> Range:
    """A limit as on the command line."""
    try:
        return read_window(given) if ":" in given else (read_quantity(given),) * 2
    except ValueError as error:
        cure = "num_stages: 4" if key == "num_stages" else f"{key}: 360M:400M, or max_{key}: 400M"
        raise SpaceError(f"the limit of {key}: {error}. Write {cure}.") from error


def _number(key: str, given: Any) -> float:
    """A number, of a limit also as `400M`, within a list."""
    return read_quantity(given) if isinstance(given, str) and key in LIMITS else float(given)


def distributions_of(key: str, given: Any, stages: int) -> tuple[Distribution, ...]:
    """Of each stage of a parameter, from one for all stages or a list of one for each."""
    with about("parameters", key):
        return _distributions_of(key, given, stages)


def _distributions_of(key: str, given: Any, stages: int) -> tuple[Distribution, ...]:
    if isinstance(given, list) and given and isinstance(given[0], Mapping | list):
        if len(given) not in (1, stages):
            raise SpaceError(
                f"{key} has one distribution for all stages or one for each of the {stages}, not {len(given)}. "
                "Correct the list, or 'stages'."
            )
        return tuple(distribution_from_dict(each) for each in given) * (stages // len(given))
    return (distribution_from_dict(given),) * stages
