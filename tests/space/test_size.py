"""How many networks a space holds: the paper's table, and small spaces enumerated."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.space import Choice, DesignSpace, Parameter, Uniform, load_space
from netwright.space.table import short_size

DEPTHS, WIDTHS, RATIOS, GROUPS = 16, 128, 3, 6
NEVER_FALLING_WIDTHS = math.comb(WIDTHS + 3, 4)
NEVER_FALLING_DEPTHS = math.comb(DEPTHS + 3, 4)

# name -> exact count, with repetition where values may be equal: C(n + 3, 4) sequences of four never fall
EXACT = {
    "anynetx_a": (DEPTHS * WIDTHS * RATIOS * GROUPS) ** 4,
    "anynetx_b": (DEPTHS * WIDTHS * GROUPS) ** 4 * RATIOS,
    "anynetx_c": (DEPTHS * WIDTHS) ** 4 * RATIOS * GROUPS,
    "anynetx_d": DEPTHS**4 * NEVER_FALLING_WIDTHS * RATIOS * GROUPS,
    "anynetx_e": NEVER_FALLING_DEPTHS * NEVER_FALLING_WIDTHS * RATIOS * GROUPS,
    "anynetx_c_equal_widths": DEPTHS**4 * WIDTHS * RATIOS * GROUPS,
    "anynetx_c_decreasing_widths": DEPTHS**4 * NEVER_FALLING_WIDTHS * RATIOS * GROUPS,
    "anynetx_d_equal_depths": DEPTHS * NEVER_FALLING_WIDTHS * RATIOS * GROUPS,
    "anynetx_d_decreasing_depths": NEVER_FALLING_DEPTHS * NEVER_FALLING_WIDTHS * RATIOS * GROUPS,
    "regnetx": 64**4 * RATIOS * GROUPS,
}
# DDS (arXiv 2003.13678), table of design spaces: size to two digits, and degrees of freedom
PAPER = {
    "anynetx_a": (1.8e18, 16),
    "anynetx_b": (6.8e16, 13),
    "anynetx_c": (3.2e14, 10),
    "anynetx_d": (1.3e13, 10),
    "anynetx_e": (5.5e11, 10),
    "regnetx": (3.0e8, 6),
}


@pytest.mark.parametrize("name", EXACT)
def test_catalog_spaces_are_counted_exactly(name: str) -> None:
    assert load_space(name).size() == EXACT[name]


@pytest.mark.parametrize("name", PAPER)
def test_sizes_and_freedom_are_the_papers(name: str) -> None:
    space = load_space(name)
    size, freedom = PAPER[name]
    # the paper divides by 4! for an order; counting equal values once makes D 6% and E 49% larger
    ties = {"anynetx_d": 24 * NEVER_FALLING_WIDTHS / WIDTHS**4}
    ties["anynetx_e"] = ties["anynetx_d"] * 24 * NEVER_FALLING_DEPTHS / DEPTHS**4
    assert space.size() / ties.get(name, 1) == pytest.approx(size, rel=0.03)
    assert len(space.columns) == freedom


def holds(order: str | None, values: tuple[float, ...]) -> bool:
    pairs = list(itertools.pairwise(values))
    if order == "non_decreasing":
        return all(a <= b for a, b in pairs)
    return order is None or all(a >= b for a, b in pairs)


STAGE_VALUES = st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True)
ORDERS = st.sampled_from([None, "non_decreasing", "non_increasing"])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(STAGE_VALUES, min_size=2, max_size=4), ORDERS)
def test_ordered_parameters_are_counted_as_enumeration_does(stages: list[list[int]], order: str | None) -> None:
    parameter = Parameter("depth", tuple(Choice(tuple(values)) for values in stages), order=order)
    assert parameter.count() == sum(holds(order, values) for values in itertools.product(*stages))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_whole_spaces_are_counted_as_enumeration_does(data: Any) -> None:
    stages = data.draw(st.integers(2, 3))
    names = ("depth", "width", "bottleneck", "group_width")
    parameters = {name: data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True)) for name in names}
    tie = data.draw(st.lists(st.sampled_from(names), unique=True))
    order = {name: data.draw(ORDERS) for name in names if name not in tie}
    order = {name: direction for name, direction in order.items() if direction}
    space = DesignSpace.from_dict(
        {"family": "anynet", "stages": stages, "parameters": parameters, "tie": tie, "order": order}
    )
    count = 1
    for name in names:
        repeat = 1 if name in tie else stages
        count *= sum(holds(order.get(name), values) for values in itertools.product(parameters[name], repeat=repeat))
    assert space.size() == count
    assert space.stages == stages


def test_limits_are_not_taken_off(tiny: Callable[..., DesignSpace]) -> None:
    assert tiny(limits={"flops": [0, 1]}).size() == tiny().size() == 16


def test_continuous_distributions_are_infinite() -> None:
    assert load_space("regnetx").with_distribution("wa", Uniform(8, 256)).size() == math.inf


def test_a_size_beyond_what_a_float_holds_is_shown(tiny: Callable[..., DesignSpace]) -> None:
    space = tiny(stages=64, parameters={"width": {"uniform": [8, 800_000], "quantum": 8}})
    assert space.size() == 2**64 * 100_000**64
    assert space.size() > 10**308
    assert short_size(space.size()) == "1.8e+339"
    assert "1.8e+339 combinations" in space._repr_html_()
    assert short_size(int(1.8e18)) == "1.8e+18"
    assert short_size(math.inf) == "inf"


def test_a_huge_and_an_infinite_parameter_are_infinite() -> None:
    regnet = load_space("regnetx")
    parameters = tuple(
        replace(each, distributions=(Uniform(1.5, 3),)) if each.name == "wm" else each for each in regnet.parameters
    )
    assert replace(regnet, parameters=parameters).size() == math.inf
