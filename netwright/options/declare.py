"""One option: its name, type, default, meaning and constraint, declared as a field of a dataclass.

@dataclass(frozen=True, slots=True)
class Settings:
    batch_size: int = option(32, "images a step", low=1)
    device: str = option("auto", "auto, cpu or cuda", metavar="DEVICE")

    def __post_init__(self) -> None:
        check_options(self)
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, get_type_hints

__all__ = ["Constraint", "Option", "option", "options_of"]

_KEY = "option"  # of a field's metadata


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a value must keep to, besides its type. It applies to each value of a tuple.

    Attributes:
        choices: All that a text may be; empty for any text.
        low: The lowest number allowed.
        high: The highest number allowed.
        above: Numbers must be greater than this one.
    """

    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    above: float | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """A field that `option` declared.

    Attributes:
        name: Of the field, the YAML key and the flag.
        hint: Its type: bool, int, float, str, a class, a tuple of one of these, or a union of these and None.
        default: `dataclasses.MISSING` where there is none.
        help: What it means, in a few words.
        metavar: What help shows in place of a value, with its unit: "SECONDS". Empty: by the type.
        default_text: The default in words, where None or "auto" stands for something that is found out later.
        group: The heading under which help lists it.
    """

    name: str
    hint: Any
    default: Any
    help: str
    constraint: Constraint = Constraint()
    metavar: str = ""
    default_text: str = ""
    group: str = ""


def option(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    metavar: str = "",
    default_text: str = "",
    group: str = "",
) -> Any:
    """A dataclass field that is an option; the arguments are those of `Option` and `Constraint`."""
    constraint = Constraint(choices, low, high, above)
    declared = {"help": help, "constraint": constraint, "metavar": metavar, "default_text": default_text}
    return field(default=default, metadata={_KEY: declared | {"group": group}})


def options_of(kind: type[Any]) -> tuple[Option, ...]:
    """The options of a dataclass, in order; fields that `option` did not declare are left out."""
    found: tuple[Option, ...] = _declared(kind)  # type: ignore[arg-type]  # mypy does not take a type for hashable
    return found


@cache  # every check of a value needs them, and to evaluate the annotations takes a millisecond
def _declared(kind: type[Any]) -> tuple[Option, ...]:
    hints = get_type_hints(kind)
    return tuple(
        Option(item.name, hints[item.name], item.default, **item.metadata[_KEY])
        for item in fields(kind)
        if _KEY in item.metadata
    )
