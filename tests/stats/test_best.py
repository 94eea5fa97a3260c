"""The best networks against the others."""

import numpy as np
import pytest
from scipy import stats

from netwright.errors import StatsError
from netwright.stats import best_against_rest


def test_it_is_the_test_of_mann_and_whitney():
    rng = np.random.default_rng(0)
    errors = rng.normal(40, 3, 60)
    values = 0.02 * (errors - 30) + rng.exponential(0.2, 60)
    result = best_against_rest(values, errors)
    best = errors <= np.sort(errors)[14]
    expected = stats.mannwhitneyu(values[best], values[~best])
    assert (result.n_best, result.n_rest) == (15, 45)
    assert result.median_best == np.median(values[best])
    assert result.median_rest == np.median(values[~best])
    assert result.superiority == pytest.approx(1 - expected.statistic / (15 * 45))
    assert result.p_value == pytest.approx(expected.pvalue, abs=0.01)


@pytest.mark.parametrize("n", [10, 48])
def test_a_number_that_means_nothing_is_no_finding(n):
    rng, smaller, found = np.random.default_rng(1), 0, 0
    for seed in range(200):
        errors = np.where(rng.random(n) < 0.3, 100.0, rng.normal(40, 3, n).round())
        values = rng.exponential(size=n).round(1)  # with ties
        result = best_against_rest(values, errors, repeats=199, seed=seed)
        smaller += result.median_best < result.median_rest
        found += result.p_value <= 0.05
    assert smaller > 0.3 * 200
    assert found <= 0.09 * 200


def test_equal_errors_are_never_divided():
    errors = [40.0, 41.0, 41.0, 41.0, 50.0, 51.0, 52.0, 100.0]
    result = best_against_rest(np.arange(8.0), errors)
    assert (result.n_best, result.n_rest) == (4, 4)
    assert result.p_value == pytest.approx(2 / 70)
    assert result.superiority == 1
    failed = best_against_rest(np.arange(8.0), [40.0] + [100.0] * 7)
    assert (failed.n_best, failed.n_rest) == (1, 7)
    nothing = best_against_rest(np.arange(8.0), [100.0] * 8)
    assert (nothing.n_best, nothing.p_value) == (0, 1)


def test_equal_numbers_and_the_order_of_rows_change_nothing():
    errors = np.arange(20.0)
    assert best_against_rest(np.zeros(20), errors, repeats=99).p_value == 1
    values = np.random.default_rng(2).normal(size=60)
    errors = np.arange(60.0)
    assert best_against_rest(values, errors, repeats=99) == best_against_rest(values[::-1], errors[::-1], repeats=99)


def test_what_cannot_be_is_refused():
    for wrong in ({"fraction": 0}, {"fraction": 1}, {"repeats": 0}, {"seed": -1}):
        with pytest.raises(StatsError):
            best_against_rest([1.0, 2.0], [1.0, 2.0], **wrong)
    with pytest.raises(StatsError, match="values"):
        best_against_rest([1.0], [1.0, 2.0])
