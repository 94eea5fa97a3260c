"""One option of a training: its default, meaning and constraint, kept beside the field that it describes."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import Any, Union, get_args, get_origin, get_type_hints

from netwright.errors import RecipeError

__all__ = ["Constraint", "Option", "check_options", "check_value", "law_of", "option", "options_of", "type_in_words"]


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a value must be: one of `choices`, or within `low` and `high` (both ends allowed)."""

    help: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """A field of a dataclass of options, as what reads, prints and documents options needs it. hint: its type."""

    name: str
    hint: Any
    constraint: Constraint
    default: Any


def option(
    default: Any, help: str, *, choices: tuple[str, ...] = (), low: float | None = None, high: float | None = None
) -> Any:
    """A dataclass field with its constraint: choices for texts, low and high for numbers, also those of a tuple."""
    return field(default=default, metadata={"constraint": Constraint(help, choices, low, high)})


def law_of(item: Field[Any]) -> Constraint:
    """The constraint of a field that `option` made."""
    constraint: Constraint = item.metadata["constraint"]
    return constraint


def options_of(kind: type[Any]) -> tuple[Option, ...]:
    """The options of a dataclass of options, in order."""
    hints = get_type_hints(kind)
    return tuple(Option(item.name, hints[item.name], law_of(item), item.default) for item in fields(kind))


def check_options(value: Any) -> None:
    """RecipeError for the first field of a dataclass of options whose type or constraint does not hold."""
    for item in options_of(type(value)):
        check_value(item.name, getattr(value, item.name), item.hint, item.constraint)


def type_in_words(hint: Any) -> str:
    """How a message names a type."""
    if get_origin(hint) in (types.UnionType, Union):
        return " or ".join(type_in_words(part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        parts = [part for part in get_args(hint) if part is not Ellipsis]
        count = "" if Ellipsis in get_args(hint) else f"{len(parts)} "
        return f"a list of {count}{'names' if parts[0] is str else 'numbers'}"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "none"}
    return words.get(hint, str(hint))


def check_value(name: str, value: Any, hint: Any, constraint: Constraint) -> None:
    """RecipeError unless a value has the type and keeps the constraint. name: what a message calls it."""
    if not _matches(value, hint):
        raise RecipeError(f"{name} is {type_in_words(hint)}, not {value!r}. Correct '{name}'.")
    for part in value if isinstance(value, tuple) else (value,):
        if constraint.choices and isinstance(part, str) and part not in constraint.choices:
            named = ", ".join(choice or "''" for choice in constraint.choices)
            raise RecipeError(f"{name} is {'of' if part is not value else 'one of'} {named}, not {part!r}. Choose one.")
        if isinstance(part, bool) or not isinstance(part, int | float):
            continue
        low = -float("inf") if constraint.low is None else constraint.low
        high = float("inf") if constraint.high is None else constraint.high
        if not low <= part <= high:  # NaN is within nothing
            limits = f"at least {low:g}" if constraint.high is None else f"at most {high:g}"
            limits = f"within {low:g} to {high:g}" if None not in (constraint.low, constraint.high) else limits
            raise RecipeError(f"{name} is {limits}, not {part!r}. Correct '{name}'.")


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
