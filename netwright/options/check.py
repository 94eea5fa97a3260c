"""Whether values keep to what their options declare, and the message where they do not."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from netwright.errors import NetwrightError, RecipeError
from netwright.options.declare import Constraint, options_of

__all__ = ["check_options", "check_value", "describe"]


def check_options(value: Any, error: type[NetwrightError] = RecipeError) -> None:
    """Check every option of a dataclass.

    Args:
        value: An instance, usually within its own `__post_init__`.
        error: What is raised for the first option whose type or constraint does not hold.
    """
    for item in options_of(type(value)):
        check_value(item.name, getattr(value, item.name), item.hint, item.constraint, error)


def check_value(
    name: str, value: Any, hint: Any, constraint: Constraint, error: type[NetwrightError] = RecipeError
) -> None:
    """Raise `error` unless a value has the type and keeps to the constraint. name: what the message calls it."""
    parts = value if isinstance(value, tuple) else (value,)
    if not _matches(value, hint) or not all(_keeps(part, constraint) for part in parts):
        shown = list(value) if isinstance(value, tuple) else value
        raise error(f"{name} is {describe(hint, constraint)}, not {shown!r}. Correct '{name}'.")


def describe(hint: Any, constraint: Constraint | None = None) -> str:
    """What a value must be, as a message says it: `a whole number of at least 1, or none`."""
    constraint = constraint or Constraint()
    if get_origin(hint) in (types.UnionType, Union):
        separator = " or " if constraint == Constraint() else ", or "
        return separator.join(describe(part, constraint) for part in get_args(hint))
    if get_origin(hint) is tuple:
        kinds = [part for part in get_args(hint) if part is not Ellipsis]
        count = "" if Ellipsis in get_args(hint) else f"{len(kinds)} "
        if kinds[0] is str:
            return f"a list of {count}{f'any of {_named(constraint)}' if constraint.choices else 'names'}"
        return f"a list of {count}numbers{_range(constraint)}"
    if hint is str and constraint.choices:
        return f"one of {_named(constraint)}" if len(constraint.choices) > 1 else constraint.choices[0]
    words = {bool: "true or false", str: "a text", Path: "a path", type(None): "none"}
    words |= {int: f"a whole number{_range(constraint)}", float: f"a number{_range(constraint)}"}
    return words.get(hint, f"a {hint.__name__}")


def _named(constraint: Constraint) -> str:
    return ", ".join(choice or "''" for choice in constraint.choices)


def _range(constraint: Constraint) -> str:
    low, high, above = constraint.low, constraint.high, constraint.above
    if low is not None and high is not None:
        return f" within {low:,.10g} to {high:,.10g}"
    if above is not None:
        return f" above {above:,.10g}{'' if high is None else f' and up to {high:,.10g}'}"
    if low is not None:
        return f" of at least {low:,.10g}"
    return "" if high is None else f" of at most {high:,.10g}"


def _keeps(value: Any, constraint: Constraint) -> bool:
    if isinstance(value, str):
        return not constraint.choices or value in constraint.choices
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    low = -float("inf") if constraint.low is None else constraint.low
    high = float("inf") if constraint.high is None else constraint.high
    # NaN is within nothing
    return low <= value <= high and (constraint.above is None or value > constraint.above)


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
    return _MATCHES[hint](value) if hint in _MATCHES else isinstance(value, hint)
