from dataclasses import dataclass

import pytest

from netwright.errors import RecipeError
from netwright.recipe.option import check_options, option, options_of, type_in_words


@dataclass(frozen=True)
class Bake:
    """A dataclass of options of every type."""

    minutes: int = option(30, "in the oven", low=1, high=90)
    heat: float = option(180.0, "degrees", low=0.0)
    fan: bool = option(False, "with the fan on")
    shelf: str = option("middle", "where", choices=("top", "middle", ""))
    glaze: float | None = option(None, "if any", high=1.0)
    holes: tuple[float, float] = option((0.0, 1.0), "between", low=0.0, high=1.0)
    spices: tuple[str, ...] = option((), "any of", choices=("salt", "dill"))

    def __post_init__(self) -> None:
        check_options(self)


def test_what_the_laws_allow():
    Bake()
    Bake(minutes=90, heat=0, shelf="", glaze=-1.0, holes=(0, 1), spices=("dill", "salt"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minutes": 0}, "minutes is within 1 to 90, not 0"),
        ({"minutes": 2.0}, "minutes is a whole number, not 2.0"),
        ({"minutes": True}, "minutes is a whole number, not True"),
        ({"heat": -1}, "heat is at least 0, not -1"),
        ({"heat": float("nan")}, "heat is at least 0, not nan"),
        ({"heat": "hot"}, "heat is a number, not 'hot'"),
        ({"fan": 1}, "fan is true or false, not 1"),
        ({"shelf": "low"}, "shelf is one of top, middle, '', not 'low'"),
        ({"glaze": 1.5}, "glaze is at most 1, not 1.5"),
        ({"glaze": "thin"}, "glaze is a number or none, not 'thin'"),
        ({"holes": (0.5,)}, "holes is a list of 2 numbers"),
        ({"holes": [0, 1]}, "holes is a list of 2 numbers"),
        ({"holes": (0.5, 2.0)}, "holes is within 0 to 1, not 2.0"),
        ({"spices": ("salt", "sugar")}, "spices is of salt, dill, not 'sugar'"),
        ({"spices": (1,)}, "spices is a list of names"),
    ],
)
def test_what_they_refuse(change, message):
    with pytest.raises(RecipeError) as caught:
        Bake(**change)
    assert message in str(caught.value)


def test_options_in_order_with_their_types_and_defaults():
    found = options_of(Bake)
    assert [each.name for each in found][:3] == ["minutes", "heat", "fan"]
    assert found[0].hint is int
    assert (found[0].constraint.help, found[0].default) == ("in the oven", 30)


def test_types_have_names_that_people_use():
    assert type_in_words(tuple[float, ...] | float | None) == "a list of numbers or a number or none"
