from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.errors import StatsError
from netwright.stats import efficiency


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_moments_are_those_of_all_subsets(errors):
    n = len(errors)
    result = efficiency(errors, range(1, n + 1))
    for k in range(1, n + 1):
        best = [min(subset) for subset in combinations(errors, k)]
        assert result.mean[k - 1] == pytest.approx(np.mean(best))
        assert result.spread[k - 1] == pytest.approx(np.std(best), abs=1e-7)


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_moments_with_replacement_are_those_of_all_draws(errors):
    n = len(errors)
    result = efficiency(errors, range(1, n + 1), with_replacement=True)
    for k in range(1, n + 1):
        best = [min(draws) for draws in product(errors, repeat=k)]
        assert result.mean[k - 1] == pytest.approx(np.mean(best))
        assert result.spread[k - 1] == pytest.approx(np.std(best), abs=1e-7)


def test_sizes_are_powers_of_two_up_to_n(regnetx_errors):
    result = efficiency(regnetx_errors)
    np.testing.assert_array_equal(result.sizes, [1, 2, 4, 8, 16, 32])
    np.testing.assert_array_equal(efficiency(regnetx_errors[:31]).sizes, [1, 2, 4, 8, 16])
    assert round(result.mean[0], 3) == 37.107
    assert result.mean[-1] == pytest.approx(34.984)
    assert result.spread[-1] == pytest.approx(0)
    assert (np.diff(result.mean) < 0).all()


def test_mean_is_unbiased_for_the_whole_space():
    rng = np.random.default_rng(0)
    means = [efficiency(rng.uniform(size=64), [16]).mean[0] for _ in range(400)]
    assert np.mean(means) == pytest.approx(1 / 17, abs=0.004)  # the best of 16 uniform draws


def test_thousands_neither_overflow_nor_lose_digits():
    result = efficiency(np.arange(1.0, 5001.0), [1, 100, 2500, 5000])
    np.testing.assert_allclose(result.mean, 5001 / (result.sizes + 1), rtol=1e-10)


@pytest.mark.parametrize("sizes", [[], [0], [4], [1.5], [[1, 2]]])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(StatsError, match="sizes"):
        efficiency([1.0, 2.0, 3.0], sizes)
