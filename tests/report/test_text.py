import math

import pytest

from netwright.report import text


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (12, "12"), (999.6, "1k"), (45_600, "45.6k"), (1.234e6, "1.23M"), (4e8, "400M"), (1.8e18, "1.8×10^18")],
)
def test_amounts(value: float, said: str) -> None:
    assert text.amount(value) == said


def test_lists_and_counts() -> None:
    assert [text.listing(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert [text.count(n, "trial") for n in (1, 1200)] == ["1 trial", "1,200 trials"]
    assert text.span((1, 1)) == "1"
    assert text.signed(-1.5) == "−1.50"
    assert text.signed(-0.001) == text.signed(0.0) == "+0.00"
    assert text.p_value(1e-9) == "p < 0.001"


def test_meanings_know_the_stage() -> None:
    assert text.meaning("group_width_3") == "channels per group, stage 3"
    assert text.meaning("anything") == ""
    assert math.isclose(float(text.number(2.345)), 2.35, abs_tol=0.01)
