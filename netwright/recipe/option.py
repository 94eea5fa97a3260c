"""One option of a training: its default, meaning and law, kept beside the field that it describes."""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable
from dataclasses import Field, dataclass, field, fields
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from netwright.errors import RecipeError

__all__ = ["Law", "check_options", "law_of", "option", "type_in_words"]


@dataclass(frozen=True, slots=True)
class Law:
    """What a value must be: one of `choices`, or within `low` and `high` (both ends allowed)."""

    help: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


def option(
    default: Any, help: str, *, choices: tuple[str, ...] = (), low: float | None = None, high: float | None = None
) -> Any:
    """A dataclass field with its law. choices hold for texts, low and high for numbers, each number of a tuple too."""
    return field(default=default, metadata={"law": Law(help, choices, low, high)})


def law_of(item: Field[Any]) -> Law:
    law: Law = item.metadata["law"]
    return law


@cache
def _hints(owner: Hashable) -> dict[str, Any]:
    return get_type_hints(owner)


def check_options(value: Any) -> None:
    """RecipeError for the first field of a dataclass of options whose type or law does not hold."""
    for item in fields(value):
        _check(item.name, getattr(value, item.name), _hints(type(value))[item.name], law_of(item))


def type_in_words(hint: Any) -> str:
    """How a message names a type."""
    if get_origin(hint) in (types.UnionType, Union):
        return " or ".join(type_in_words(part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        parts = [part for part in get_args(hint) if part is not Ellipsis]
        count = "" if Ellipsis in get_args(hint) else f"{len(parts)} "
        return f"a list of {count}numbers"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "none"}
    return words.get(hint, str(hint))


_MATCHES: dict[Any, Callable[[Any], bool]] = {
    bool: lambda value: isinstance(value, bool),
    int: lambda value: isinstance(value, int) and not isinstance(value, bool),
    float: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    str: lambda value: isinstance(value, str),
    type(None): lambda value: value is None,
}


def _matches(value: Any, hint: Any) -> bool:
    if get_origin(hint) in (types.UnionType, Union):
        return any(_matches(value, part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        if not isinstance(value, tuple):
            return False
        if Ellipsis in parts:
            return all(_matches(each, parts[0]) for each in value)
        return len(value) == len(parts) and all(map(_matches, value, parts))
    return _MATCHES[hint](value)


def _check(name: str, value: Any, hint: Any, law: Law) -> None:
    if not _matches(value, hint):
        raise RecipeError(f"{name} is {type_in_words(hint)}, not {value!r}. Correct '{name}'.")
    if law.choices and isinstance(value, str) and value not in law.choices:
        raise RecipeError(f"{name} is one of {', '.join(law.choices)}, not {value!r}. Choose one of these.")
    numbers = value if isinstance(value, tuple) else (value,)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        low, high = (-float("inf") if law.low is None else law.low), (float("inf") if law.high is None else law.high)
        if not low <= number <= high:  # NaN is within nothing
            limits = f"at least {low:g}" if law.high is None else f"at most {high:g}"
            limits = f"within {low:g} to {high:g}" if None not in (law.low, law.high) else limits
            raise RecipeError(f"{name} is {limits}, not {number!r}. Correct '{name}'.")
