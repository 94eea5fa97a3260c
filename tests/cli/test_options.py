import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.cli.options import add_limits, add_training, config_of, limits_of, quantity, truth, window
from netwright.errors import SpaceError

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
    assert [truth(word) for word in ("true", "Yes", "1", "FALSE", "no", "0")] == [True] * 3 + [False] * 3
    with pytest.raises(ArgumentTypeError, match="true or false, not 'maybe'"):
        truth("maybe")


def options(*words: str) -> Namespace:
    parser = ArgumentParser()
    parser.add_argument("--out", default="x")
    add_limits(parser)
    add_training(parser, trials=48)
    return parser.parse_args(words)


def test_limits_are_those_that_are_given() -> None:
    assert limits_of(options()) == {}
    given = limits_of(options("--flops", "1M:2M", "--max_params", "5k"))
    assert given == {"flops": (1e6, 2e6), "params": (0, 5e3)}
    with pytest.raises(SpaceError, match="--acts and --max_acts both limit the acts"):
        limits_of(options("--acts", "1:2", "--max_acts", "3"))


def test_every_flag_reaches_the_brief() -> None:
    words = {"data_dir": "photos", "trials": "7", "epochs": "3", "resolution": "16", "train_images": "99"}
    words |= {"workers": "2", "threads": "3", "device": "cpu", "seed": "5"}
    recipe = {"batch_size": "32", "lr": "0.2", "weight_decay": "1e-4", "label_smoothing": "0.1", "flip": "no"}
    flags = [f"--{name}={value}" for name, value in (words | recipe | {"precision": "fp32", "max_acts": "4M"}).items()]
    config = config_of(options(*flags), "netwright sweep", space="regnety")
    assert {name: str(getattr(config, name)) for name in words} == words
    expected = {"batch_size": 32, "lr": 0.2, "weight_decay": 1e-4, "label_smoothing": 0.1, "flip": False}
    assert config.recipe == expected | {"precision": "fp32"}
    assert (config.acts, config.flops, config.space, config.command) == ((0, 4e6), None, "regnety", "netwright sweep")
