from dataclasses import dataclass
from pathlib import Path

import pytest

from netwright.errors import RecipeError, ServeError
from netwright.options import Constraint, check_options, check_value, describe, option


@dataclass(frozen=True)
class Bake:
    """A dataclass of options of every type."""

    minutes: int = option(30, "in the oven", low=1, high=90)
    heat: float = option(180.0, "degrees", low=0.0)
    fan: bool = option(False, "with the fan on")
    shelf: str = option("middle", "where", choices=("top", "middle", ""))
    glaze: float | None = option(None, "if any", high=1.0)
    rest: float = option(5.0, "minutes before it is cut", above=0.0, high=10_000)
    sugar: float | str = option("auto", "grams", choices=("auto",), low=0)
    holes: tuple[float, float] = option((0.0, 1.0), "between", low=0.0, high=1.0)
    spices: tuple[str, ...] = option((), "any of", choices=("salt", "dill"))

    def __post_init__(self) -> None:
        check_options(self)


def test_what_the_constraints_allow():
    Bake()
    Bake(minutes=90, heat=0, shelf="", glaze=-1.0, holes=(0, 1), spices=("dill", "salt"))
    Bake(rest=1e-9, sugar=0)
    Bake(rest=10_000, sugar="auto")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minutes": 0}, "minutes is a whole number within 1 to 90, not 0. Correct 'minutes'."),
        ({"minutes": 2.0}, "minutes is a whole number within 1 to 90, not 2.0"),
        ({"minutes": True}, "minutes is a whole number within 1 to 90, not True"),
        ({"heat": -1}, "heat is a number of at least 0, not -1"),
        ({"heat": float("nan")}, "heat is a number of at least 0, not nan"),
        ({"heat": "hot"}, "heat is a number of at least 0, not 'hot'"),
        ({"fan": 1}, "fan is true or false, not 1"),
        ({"shelf": "low"}, "shelf is one of top, middle, '', not 'low'"),
        ({"glaze": 1.5}, "glaze is a number of at most 1, or none, not 1.5"),
        ({"glaze": "thin"}, "glaze is a number of at most 1, or none, not 'thin'"),
        ({"rest": 0.0}, "rest is a number above 0 and up to 10,000, not 0.0"),
        ({"rest": float("inf")}, "rest is a number above 0 and up to 10,000, not inf"),
        ({"rest": float("nan")}, "rest is a number above 0 and up to 10,000, not nan"),
        ({"sugar": "much"}, "sugar is a number of at least 0, or auto, not 'much'"),
        ({"sugar": -1}, "sugar is a number of at least 0, or auto, not -1"),
        ({"holes": (0.5,)}, "holes is a list of 2 numbers within 0 to 1, not [0.5]"),
        ({"holes": [0, 1]}, "holes is a list of 2 numbers within 0 to 1, not [0, 1]"),
        ({"holes": (0.5, 2.0)}, "holes is a list of 2 numbers within 0 to 1, not [0.5, 2.0]"),
        ({"spices": ("salt", "sugar")}, "spices is a list of any of salt, dill, not ['salt', 'sugar']"),
        ({"spices": (1,)}, "spices is a list of any of salt, dill, not [1]"),
    ],
)
def test_what_they_refuse(change, message):
    with pytest.raises(RecipeError) as caught:
        Bake(**change)
    assert message in str(caught.value)


def test_the_error_is_that_of_the_room_that_asks():
    with pytest.raises(ServeError, match=r"port is a whole number of at least 0, not -1\. Correct 'port'\."):
        check_value("port", -1, int, Constraint(low=0), ServeError)
    with pytest.raises(ServeError, match="minutes is a whole number"):
        check_options(_unchecked(minutes=0), ServeError)


def _unchecked(**values: object) -> Bake:
    made = object.__new__(Bake)
    for name in Bake.__dataclass_fields__:
        object.__setattr__(made, name, values.get(name, getattr(Bake, name)))
    return made


@pytest.mark.parametrize(
    ("hint", "constraint", "text"),
    [
        (tuple[float, ...] | float | None, None, "a list of numbers or a number or none"),
        (int | None, Constraint(low=1), "a whole number of at least 1, or none"),
        (bool | str, Constraint(choices=("auto",)), "true or false, or auto"),
        (str | None, Constraint(choices=("simple", "cifar")), "one of simple, cifar, or none"),
        (tuple[str, ...], None, "a list of names"),
        (Path, None, "a path"),
        (str | Bake, None, "a text or a Bake"),
    ],
)
def test_what_a_value_must_be_in_words(hint, constraint, text):
    assert describe(hint, constraint) == text


def test_a_class_is_a_type_too():
    check_value("folder", Path("x"), Path, Constraint())
    with pytest.raises(RecipeError, match="folder is a path, not 'x'"):
        check_value("folder", "x", Path, Constraint())
