import numpy as np
import pytest

from netwright.errors import StatsError
from netwright.stats import equivalence_test


def test_alike_populations_are_equivalent():
    a, b = np.random.default_rng(0).normal(40, 2, (2, 150))
    found = equivalence_test(a, b, 1.0, repeats=999)
    assert found.is_equivalent
    assert not found.is_beyond
    assert -1 < found.interval[0] < found.difference < found.interval[1] < 1
    assert found.difference == pytest.approx(a.mean() - b.mean())


def test_no_difference_shown_is_not_equivalence():
    a, b = np.random.default_rng(1).normal(40, 4, (2, 12))
    found = equivalence_test(a, b, 1.0, repeats=999)
    assert not found.is_equivalent
    assert not found.is_beyond


def test_further_apart_than_the_margin():
    rng = np.random.default_rng(2)
    found = equivalence_test(rng.normal(44, 2, 60), rng.normal(40, 2, 60), 1.0, repeats=999)
    assert found.is_beyond
    assert found.p_value > 0.99


def test_sides_may_be_swapped():
    rng = np.random.default_rng(3)
    a, b = rng.normal(40.4, 2, 80), rng.normal(40, 2, 70)
    one, other = (equivalence_test(*pair, 1.0, repeats=4999) for pair in ((a, b), (b, a)))
    assert one.difference == pytest.approx(-other.difference)
    assert one.p_value == pytest.approx(other.p_value, abs=0.02)


def test_the_interval_and_p_agree():
    rng = np.random.default_rng(4)
    for shift in np.linspace(0, 1.2, 7):
        found = equivalence_test(rng.normal(40 + shift, 2, 100), rng.normal(40, 2, 100), 1.0, repeats=1999)
        inside = found.interval[0] > -1 and found.interval[1] < 1
        assert inside == found.is_equivalent or abs(found.p_value - 0.05) < 0.02


def test_a_failure_keeps_populations_apart():
    errors = np.random.default_rng(5).normal(40, 1, 100)
    failing = np.append(errors[5:], [100.0] * 5)
    assert equivalence_test(errors, errors[::-1], 1.0, repeats=999).is_equivalent
    assert not equivalence_test(errors, failing, 1.0, repeats=999).is_equivalent


@pytest.mark.slow
def test_populations_a_margin_apart_are_called_equivalent_in_one_of_twenty():
    rng = np.random.default_rng(14)
    wrong = sum(
        equivalence_test(rng.normal(41, 3, 60), rng.normal(40, 3, 60), 1.0, repeats=199, seed=i).is_equivalent
        for i in range(200)
    )
    assert wrong / 200 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize("margin", [0, -1.0, float("nan"), float("inf")])
def test_a_margin_is_a_number_above_0(margin):
    with pytest.raises(StatsError, match="margin must be above 0"):
        equivalence_test([1.0, 2.0], [1.0, 2.0], margin)
