from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.errors import StatsError
from netwright.stats import efficiency, efficiency_ratio


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


def _needs(rng, ratio, n):
    """Errors of a population that needs `ratio` times as many networks as uniform ones, at every k (Lehmann)."""
    return 30 + 10 * (1 - (1 - rng.uniform(size=n)) ** ratio)


def test_the_ratio_is_the_size_with_the_same_best_error():
    errors = np.linspace(30, 50, 64)
    same = efficiency_ratio(errors, errors, k=8, repeats=199)
    assert same.networks == pytest.approx(8, abs=0.3)
    assert same.ratio == pytest.approx(1, abs=0.04)
    assert same.reached == pytest.approx(efficiency(errors, [8]).mean[0])
    assert (same.n_a, same.n_b, same.k, same.is_shown) == (64, 64, 8, False)
    assert same.p_value > 0.8
    worse, better = errors + 30, errors - 30
    assert efficiency_ratio(worse, errors, repeats=199).networks == np.inf
    assert efficiency_ratio(worse, errors, repeats=199).interval[1] == np.inf
    assert efficiency_ratio(worse, errors, repeats=199).is_shown
    assert efficiency_ratio(better, errors, repeats=199).networks == 1


@pytest.mark.slow
@pytest.mark.parametrize(("n_a", "n_b"), [(16, 16), (64, 16), (100, 100)])
@pytest.mark.parametrize("failing", [0.0, 0.3])
def test_two_samples_of_one_population_are_equally_good(n_a, n_b, failing):
    rng, shown, twice = np.random.default_rng(1), 0, 0
    for seed in range(200):
        a, b = (np.where(rng.random(n) < failing, 100.0, rng.normal(40, 3, n).round(1)) for n in (n_a, n_b))
        result = efficiency_ratio(a, b, repeats=199, seed=seed)
        shown += result.is_shown
        twice += not 0.5 < result.ratio < 2
        assert result.interval[0] <= result.networks <= result.interval[1] or result.is_shown
    assert shown <= 0.09 * 200
    assert twice > shown  # what the estimate alone would have said


def test_the_interval_holds_the_truth_and_shows_a_large_difference():
    rng, held, shown = np.random.default_rng(2), 0, 0
    for seed in range(100):
        result = efficiency_ratio(_needs(rng, 0.25, 100), _needs(rng, 1, 100), repeats=199, seed=seed)
        held += result.interval[0] <= result.k / 4 <= result.interval[1]
        shown += result.is_shown and result.ratio < 1
    assert held > 88
    assert shown > 65


def test_k_is_at_most_a_quarter():
    assert efficiency_ratio(np.arange(40.0), np.arange(100.0), repeats=9).k == 8
    assert efficiency_ratio(np.arange(3.0), np.arange(3.0), repeats=9).k == 1
    for k in (0, 11):
        with pytest.raises(StatsError, match="k must lie from 1 to 10"):
            efficiency_ratio(np.arange(40.0), np.arange(100.0), k=k)
