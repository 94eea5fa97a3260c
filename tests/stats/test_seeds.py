"""A few seeds against a few."""

import numpy as np
import pytest
from scipy import stats

from netwright.errors import StatsError
from netwright.stats import seed_test
from netwright.stats.seeds import FEWEST_SEEDS


def test_three_seeds_against_three_are_never_separated():
    result = seed_test([30.0, 30.1, 30.2], [35.2, 35.3, 35.4])
    assert result.smallest_p == result.p_value == 0.1
    assert not result.is_separated
    assert result.difference == pytest.approx(-5.2)
    assert result.interval[1] < 0  # normal noise would be enough, but three seeds do not show that it is normal


def test_what_could_have_been_seen_is_half_the_interval_of_welch():
    a, b = [31.0, 33.5, 36.1], [30.2, 35.9, 38.0]
    result = seed_test(a, b)
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    assert result.interval == pytest.approx((interval.low, interval.high))
    assert result.detectable == pytest.approx((interval.high - interval.low) / 2)
    assert abs(result.difference) < result.detectable
    assert not result.is_separated


def test_four_seeds_that_all_agree_are_separated():
    result = seed_test([30.0, 30.2, 30.1, 30.3], [31.1, 31.0, 31.3, 31.2])
    assert result.p_value == result.smallest_p == pytest.approx(2 / 70)
    assert result.is_separated
    assert FEWEST_SEEDS == 4


def test_both_tests_must_agree():
    # no value of a is above one of b, but a t-test is not sure
    apart = seed_test([30.0, 30.1, 30.2, 31.0], [31.1, 31.2, 31.3, 42.0])
    assert apart.p_value > 0.05 > apart.smallest_p
    # and a t-test alone would be sure of three seeds
    few = seed_test([30.0, 30.1, 30.2], np.linspace(31, 32, 9))
    assert not few.is_separated


def test_one_seed_shows_nothing():
    result = seed_test([30.0], [35.0, 36.0, 37.0, 38.0])
    assert (result.p_value, result.interval, result.detectable, result.is_separated) == (1, None, None, False)


def test_seeds_that_change_nothing_give_no_interval():
    same = seed_test([30.0] * 4, [30.0] * 4)
    assert (same.p_value, same.detectable, same.is_separated) == (1, None, False)
    other = seed_test([30.0] * 3, [31.0] * 3)
    assert (other.p_value, other.interval, other.is_separated) == (0.1, None, False)


@pytest.mark.slow
def test_equal_networks_are_rarely_separated():
    rng = np.random.default_rng(0)
    for n, m, spread in ((2, 2, 1), (3, 3, 4), (4, 4, 1), (4, 4, 4), (5, 5, 4), (5, 4, 0.25)):
        found = sum(seed_test(rng.normal(size=n), rng.normal(0, spread, m)).is_separated for _ in range(300))
        assert found <= (0 if min(n, m) < 4 else 0.09 * 300)


def test_a_clear_difference_is_found_with_five():
    rng = np.random.default_rng(1)
    assert sum(seed_test(rng.normal(size=5), rng.normal(3, 1, 5)).is_separated for _ in range(100)) > 85


def test_the_detectable_difference_holds_what_it_says():
    """A true difference of 0 is within it in at least 95% of pairs."""
    rng = np.random.default_rng(2)
    pairs = [seed_test(rng.normal(size=3), rng.normal(size=3)) for _ in range(400)]
    assert np.mean([abs(pair.difference) <= pair.detectable for pair in pairs]) > 0.92


def test_what_cannot_be_is_refused():
    with pytest.raises(StatsError):
        seed_test([], [1.0])
    with pytest.raises(StatsError):
        seed_test([1.0], [1.0], confidence=95)
