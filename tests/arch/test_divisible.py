import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.arch import ROUNDING, compatible
from netwright.arch.divisible import compatible_groups
from netwright.errors import ArchError

# the ratios that a design space admits: whole numbers and their inverses
RATIOS = st.sampled_from([1, 2, 3, 4, 8]).flatmap(lambda whole: st.sampled_from([float(whole), 1 / whole]))
WIDTHS, GROUP_WIDTHS = st.integers(1, 3000), st.integers(1, 400)


def pycls_rule(width: int, bottleneck: float, group_width: int) -> tuple[int, int]:
    """One stage by the definition (DDS, 3.3): g <- min(g, w / b), then round to a multiple of g or of lcm(g, 1 / b)."""
    inner = int(max(1, width / bottleneck))
    group_width = min(group_width, inner)
    multiple = group_width if bottleneck >= 1 else math.lcm(group_width, round(1 / bottleneck))
    inner = max(multiple, round(inner / multiple) * multiple)
    return round(inner * bottleneck), group_width


def torchvision_rule(width: int, bottleneck: float, group_width: int) -> tuple[int, int]:
    """One stage as torchvision.models.regnet does it: half up, and up again where over a tenth was lost."""
    inner = int(max(1, width / bottleneck))
    group_width = min(group_width, inner)
    divisible = max(group_width, int(inner + group_width / 2) // group_width * group_width)
    if divisible < 0.9 * inner:
        divisible += group_width
    return round(divisible * bottleneck), group_width


@settings(max_examples=400, deadline=None, derandomize=True)
@given(WIDTHS, RATIOS, GROUP_WIDTHS)
def test_pycls_rounding_is_its_definition(width: int, bottleneck: float, group_width: int) -> None:
    rounded, groups = compatible(width, bottleneck, group_width)
    assert (int(rounded), int(groups)) == pycls_rule(width, bottleneck, group_width)
    inner = rounded / bottleneck
    assert inner == int(inner)
    assert int(inner) % groups == 0
    assert 1 <= groups <= group_width


@settings(max_examples=400, deadline=None, derandomize=True)
@given(WIDTHS, st.sampled_from([1.0, 2.0, 3.0, 4.0]), GROUP_WIDTHS)
def test_torchvision_rounding_is_its_definition(width: int, bottleneck: float, group_width: int) -> None:
    rounded, groups = compatible(width, bottleneck, group_width, rule="torchvision")
    assert (int(rounded), int(groups)) == torchvision_rule(width, bottleneck, group_width)
    assert (rounded / bottleneck) % groups == 0


@pytest.mark.parametrize("rule", ROUNDING)
def test_arrays_are_rounded_one_by_one(rule: str) -> None:
    rng = np.random.default_rng(0)
    shape = (500, 4)
    widths, groups = rng.integers(0, 129, shape) * 8, 2 ** rng.integers(0, 6, shape)
    ratios = rng.choice([0.25, 0.5, 1.0, 2.0, 4.0], shape)
    rounded, agreed = compatible(widths, ratios, groups, rule)
    one_by_one = {"pycls": pycls_rule, "torchvision": torchvision_rule}[rule]
    expected = [
        one_by_one(int(w), float(b), int(g)) if w else (0, 1)
        for w, b, g in zip(widths.flat, ratios.flat, groups.flat, strict=True)
    ]
    assert list(zip(rounded.ravel().tolist(), agreed.ravel().tolist(), strict=True)) == expected
    # what fits is left alone
    again = compatible(rounded, ratios, agreed, rule)
    assert (again[0] == rounded).all()
    assert (again[1] == agreed).all()


def test_the_two_rules_differ_where_it_is_known() -> None:
    assert compatible(20, 1, 8) == (16, 8)  # 2.5 multiples: half to even
    assert compatible(20, 1, 8, rule="torchvision") == (24, 8)  # half up


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ArchError, match="Choose one"):
        compatible(8, 1, 8, rule="timm")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(WIDTHS, RATIOS)
def test_a_group_width_of_zero_is_one_group(width: int, bottleneck: float) -> None:
    rounded, group_width = compatible(width, bottleneck, 0)
    assert group_width * bottleneck == pytest.approx(rounded)
    assert abs(rounded - width) <= max(1, bottleneck)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(WIDTHS, RATIOS, st.integers(1, 64))
def test_a_number_of_groups_divides_the_channels(width: int, bottleneck: float, groups: int) -> None:
    rounded, group_width = compatible_groups(width, bottleneck, groups)
    wanted = int(max(1, width / bottleneck))
    inner = round(int(rounded) / bottleneck)
    count = min(groups, wanted)
    assert inner == group_width * count
    # the nearest such number of channels, of which the block's width is a whole number too
    step = math.lcm(count, max(1, round(1 / bottleneck)))
    assert inner % step == 0
    assert inner == step or abs(inner - wanted) <= step / 2


def test_absent_stages_have_no_groups() -> None:
    rounded, group_width = compatible_groups([64, 0], [2, 2], [8, 8])
    assert rounded.tolist() == [64, 0]
    assert group_width.tolist() == [4, 1]


@pytest.mark.parametrize("whole", [3, 7, 49, 93])
def test_inverted_bottlenecks_of_any_whole_number_are_exact(whole: int) -> None:
    rounded, group_width = compatible(np.arange(1, 200), 1 / whole, 1)
    assert (rounded == np.arange(1, 200)).all()
    assert (group_width == 1).all()
