import math
from argparse import ArgumentTypeError, Namespace
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.cli.options import (
    add_design_options,
    add_options,
    default_in_words,
    design_options,
    limited_space,
    options_given,
    quantity,
    truth,
    window,
)
from netwright.cli.parser import CommandParser
from netwright.errors import SpaceError
from netwright.options import check_options, option
from netwright.space import load_space
from netwright.workflow import DesignConfig

UNITS = {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "m": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}


@given(st.floats(0, 1e6, allow_subnormal=False), st.sampled_from(sorted(UNITS)))
def test_a_quantity_is_a_number_and_a_unit(value: float, unit: str) -> None:
    assert quantity(f"{value}{unit}") == pytest.approx(value * UNITS[unit])
    assert quantity(f" {value:.0f}{unit} ") == pytest.approx(float(f"{value:.0f}") * UNITS[unit])


@pytest.mark.parametrize(
    ("text", "value"), [("400M", 400e6), ("1.5G", 1.5e9), ("8e6", 8e6), ("5_200_000", 5.2e6), ("5,200,000", 5.2e6)]
)
def test_quantities_as_people_write_them(text: str, value: float) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize("text", ["", "M", "abc", "-1", "-4M", "nan", "inf", "1e400", "4X", "4MM", "0x10", "٣x"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="a quantity is a number like 400M"):
        quantity(text)


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    with suppress(ArgumentTypeError):
        assert math.isfinite(quantity(text))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_window_is_low_to_high(a: int, b: int) -> None:
    if a <= b:
        assert window(f"{a}M:{b}M") == (a * 1e6, b * 1e6)
    else:
        with pytest.raises(ArgumentTypeError, match="low end is not above"):
            window(f"{a}M:{b}M")


@pytest.mark.parametrize("text", ["", "400M", "1:2:3", "a:b", ":", "1M:", "-1:2"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        window(text)


def test_a_window_may_leave_out_its_low_end() -> None:
    assert window(":2M") == (0, 2e6)


def test_truth() -> None:
    assert [truth(word) for word in ("true", "Yes", "1", "on", "FALSE", "no", "0", "off")] == [True] * 4 + [False] * 4
    with pytest.raises(ArgumentTypeError, match="true or false, not 'maybe'"):
        truth("maybe")


def options(*words: str) -> Namespace:
    parser = CommandParser("netwright x")
    add_design_options(parser)
    return parser.parse_args(words)


def test_limits_are_those_that_are_given() -> None:
    assert limited_space("regnetx", options()).limits == load_space("regnetx").limits
    limits = limited_space("regnetx", options("--flops", "1M:2M", "--max_params", "5k")).limits
    assert (limits["flops"], limits["params"]) == ((1e6, 2e6), (0, 5e3))
    with pytest.raises(SpaceError, match=r"acts and max_acts both limit the acts\. Give one of them\."):
        limited_space("regnetx", options("--acts", "1:2", "--max_acts", "3"))


def test_no_flags_are_the_defaults() -> None:
    assert DesignConfig.from_options(**design_options(options())) == DesignConfig()


def test_every_flag_reaches_the_configuration() -> None:
    words = {"data_dir": "photos", "trials": "7", "epochs": "3", "resolution": "16", "train_images": "99"}
    words |= {"workers": "2", "threads": "3", "device": "cpu", "seed": "5"}
    recipe = {"batch_size": "32", "lr": "0.2", "weight_decay": "1e-4", "label_smoothing": "0.1", "flip": "no"}
    flags = [f"--{name}={value}" for name, value in (words | recipe | {"precision": "fp32", "max_acts": "4M"}).items()]
    given = design_options(options(*flags))
    config = DesignConfig.from_options(**given, command="netwright sweep", space="regnety")
    assert {name: str(getattr(config, name)) for name in words} == words
    expected = {"batch_size": 32, "lr": 0.2, "weight_decay": 1e-4, "label_smoothing": 0.1, "flip": False}
    assert config.recipe == expected | {"precision": "fp32"}
    assert (config.acts, config.flops, config.space, config.command) == ((0, 4e6), None, "regnety", "netwright sweep")


@dataclass(frozen=True)
class Bake:
    """Options of every type that a flag can have."""

    cook: str = "me"
    minutes: int = option(30, "in the oven, 100% hot", low=1, metavar="MIN", group="heat")
    heat: float = option(180.0, "degrees", group="heat")
    fan: bool = option(False, "with the fan on", group="heat")
    shelf: str = option("middle", "where", choices=("top", "middle"))
    sugar: float | str = option("auto", "grams", choices=("auto",), default_text="to taste")
    glaze: float | None = option(None, "if any")
    out: Path | None = option(None, "where it goes")

    def __post_init__(self) -> None:
        check_options(self)


def baked(*words: str, **settings: Any) -> dict[str, Any]:
    parser = CommandParser("netwright bake")
    add_options(parser, Bake, **settings)
    return options_given(parser.parse_args(words), Bake)


def test_flags_of_declared_options() -> None:
    assert baked() == {}
    assert baked("--minutes", "5", "--heat=1e2", "--fan", "--shelf", "top", "--sugar", "auto", "--out", "x") == {
        **{"minutes": 5, "heat": 100.0, "fan": True, "shelf": "top", "sugar": "auto", "out": Path("x")}
    }
    assert baked("--fan", "no", "--sugar", "2", "--glaze", "0") == {"fan": False, "sugar": 2.0, "glaze": 0.0}
    assert Bake(**baked("--minutes", "5")) == Bake(minutes=5)
    assert baked("--heat", "1", defaults={"minutes": 7}) == {"minutes": 7, "heat": 1.0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--minutes", "many"), "argument --minutes: a whole number of at least 1, not 'many'"),
        (("--heat", "hot"), "argument --heat: a number, not 'hot'"),
        (("--sugar", "much"), "argument --sugar: a number, or auto, not 'much'"),
        (("--fan", "maybe"), "argument --fan: true or false, not 'maybe'"),
        (("--shelf", "low"), "argument --shelf: invalid choice: 'low'"),
        (("--cook", "you"), "unrecognized arguments: --cook you"),
        ((), "the following arguments are required: --minutes"),
    ],
)
def test_words_that_are_no_value(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        baked(*words, required=() if words else ("minutes",))
    assert message in capsys.readouterr().err


def test_the_help_of_declared_options() -> None:
    parser = CommandParser("netwright bake")
    add_options(parser, Bake, defaults={"heat": 5e-5}, default_texts={"shelf": "any"})
    text = parser.format_help()
    for line in (
        "\n  --shelf {top,middle}  where (default: any)\n  --sugar TEXT          grams (default: to taste)\n",
        "\n  --glaze X             if any\n  --out VALUE           where it goes\n",
        "\nheat:\n  --minutes MIN         in the oven, 100% hot (default: 30)\n",
        "\n  --heat X              degrees (default: 5e-5)\n",
        "\n  --fan [true|false]    with the fan on (default: false)\n",
    ):
        assert line in text
    assert {name: argument.default for name, argument in parser.flags.items()} == {
        **{"--minutes": 30, "--heat": 5e-5, "--fan": False, "--shelf": None, "--sugar": "auto"},
        **{"--glaze": None, "--out": None},
    }
    only = CommandParser("netwright bake")
    add_options(only, Bake, ("glaze", "heat"), group="some")
    assert list(only.flags) == ["--glaze", "--heat"]
    assert "\nsome:\n  --glaze X" in only.format_help()


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, "none"), ("", "''"), ((0.5, 1.0), "0.5 1"), ((), "none"), (1e-6, "1e-6"), (16, "16")],
)
def test_defaults_in_words(value: object, text: str) -> None:
    assert default_in_words(value) == text
