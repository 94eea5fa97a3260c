import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.arch import ROUNDING, compatible
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
