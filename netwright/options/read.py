"""What a person writes for an option in YAML or on a command line, read as a value: tolerant of spelling, not of sense.

`1e-4`, which YAML 1.1 reads as a text, is a number; `(0.08, 1.0)` is a list, as MindCV's pages write it; `None`, `null`
and nothing are none where the option allows none; a choice may be written in any case. What is ambiguous is refused.
"""

from __future__ import annotations

import math
import types
from typing import Any, Union, get_args, get_origin

from netwright.errors import NetwrightError, RecipeError
from netwright.options.check import check_value, describe
from netwright.options.declare import Constraint

__all__ = ["TRUTHS", "read_value"]

# how true and false are written
TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_NONE = ("", "none", "null", "~")


def read_value(
    name: str, written: Any, hint: Any, constraint: Constraint, error: type[NetwrightError] = RecipeError
) -> Any:
    """Read and check one value.

    Args:
        name: What a message calls the option.
        written: A value from YAML, or the words of a command line.
        hint: The option's type.
        constraint: What the value must keep to.
        error: What is raised for a value of another type or against its constraint.
    """
    try:
        value = _read(written, hint, constraint)
    except (ValueError, OverflowError) as reason:
        raise error(f"{name} is {describe(hint, constraint)}, not {written!r}. Correct '{name}'.") from reason
    check_value(name, value, hint, constraint, error)
    return value


def _read(written: Any, hint: Any, constraint: Constraint) -> Any:
    """ValueError for what cannot be read as that type."""
    if get_origin(hint) in (types.UnionType, Union):
        return _read_one_of(written, get_args(hint), constraint)
    if get_origin(hint) is tuple:
        return _read_list(written, get_args(hint), constraint)
    return {bool: _read_truth, int: _read_whole, float: _read_number, str: _read_text}[hint](written, constraint)


def _read_one_of(written: Any, parts: tuple[Any, ...], constraint: Constraint) -> Any:
    if type(None) in parts and (written is None or (isinstance(written, str) and written.strip().lower() in _NONE)):
        return None
    # a text can be anything, so it comes last; a lone number before a list of one
    order = {float: 0, int: 0, str: 2}
    for part in sorted((part for part in parts if part is not type(None)), key=lambda part: order.get(part, 1)):
        try:
            return _read(written, part, constraint)
        except ValueError:
            continue
    raise ValueError(written)


def _read_list(written: Any, parts: tuple[Any, ...], constraint: Constraint) -> tuple[Any, ...]:
    each: list[Any]
    if isinstance(written, str):
        inner = written.strip().removeprefix("[").removeprefix("(").removesuffix("]").removesuffix(")")
        each = [part.strip().strip("'\"") for part in (inner.split(",") if "," in inner else inner.split())]
        each = each[:-1] if each and not each[-1] else each  # (0.5,)
    elif isinstance(written, list | tuple):
        each = list(written)
    elif written is None:
        each = []
    else:
        each = [written]
    if Ellipsis not in parts and len(each) != len(parts):
        raise ValueError(written)
    return tuple(_read(part, parts[0], constraint) for part in each)


def _read_truth(written: Any, constraint: Constraint) -> bool:
    word = str(written).strip().lower()
    if not isinstance(written, bool | int | str) or word not in TRUTHS:
        raise ValueError(written)
    return TRUTHS[word]


def _read_whole(written: Any, constraint: Constraint) -> int:
    if isinstance(written, int) and not isinstance(written, bool):
        return written  # of any size, where a float would round
    if isinstance(written, str) and written.strip().lstrip("+-").isdecimal():
        return int(written)
    number = _read_number(written, constraint)
    if number != int(number):
        raise ValueError(written)
    return int(number)


def _read_number(written: Any, constraint: Constraint) -> float:
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        raise ValueError(written)
    # 0.485 * 255: so MindCV writes the mean of a color
    number = math.prod(map(float, written.split("*"))) if isinstance(written, str) else float(written)
    if not math.isfinite(number):
        raise ValueError(written)
    return number


def _read_text(written: Any, constraint: Constraint) -> str:
    if isinstance(written, bool) or not isinstance(written, int | float | str | types.NoneType):
        raise ValueError(written)
    text = "" if written is None else str(written)
    word = text.strip().lower()
    alike = [choice for choice in constraint.choices if choice.lower() == word]
    if text not in constraint.choices and len(alike) == 1:
        return alike[0]
    return "" if text == "None" else text  # as Python prints it; a folder may well be called null
