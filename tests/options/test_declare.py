from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path

from netwright.options import Constraint, Option, option, options_of


@dataclass(frozen=True, slots=True)
class Bake:
    """Options, and fields that are none."""

    cook: str
    minutes: int = option(30, "in the oven", low=1, high=90, metavar="MIN", group="heat")
    shelf: str = option("middle", "where", choices=("top", "middle"))
    out: Path | None = option(None, "where it goes", default_text="the table")
    notes: list[str] = field(default_factory=list)


def test_options_in_order_with_all_that_was_declared():
    assert options_of(Bake) == (
        Option("minutes", int, 30, "in the oven", Constraint(low=1, high=90), "MIN", "", "heat"),
        Option("shelf", str, "middle", "where", Constraint(choices=("top", "middle"))),
        Option("out", Path | None, None, "where it goes", default_text="the table"),
    )


def test_they_are_fields_like_any_other():
    assert Bake("me", 5) == Bake(cook="me", minutes=5, shelf="middle")
    assert [item.default for item in fields(Bake)][:3] == [MISSING, 30, "middle"]
