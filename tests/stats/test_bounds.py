import numpy as np
import pytest
from scipy.stats import kstwo

from netwright.stats.bounds import METHODS, dkw_half_width, ks_half_width, probability_within


@pytest.mark.parametrize("n", [1, 2, 7, 100, 1500])
@pytest.mark.parametrize("confidence", [0.1, 0.5, 0.95, 0.999])
def test_probability_within_agrees_with_the_kolmogorov_distribution(n, confidence):
    width, rank = kstwo.ppf(confidence, n), np.arange(1, n + 1)
    low, high = np.clip(rank / n - width, 0, 1), np.clip((rank - 1) / n + width, 0, 1)
    assert probability_within(low, high) == pytest.approx(confidence, abs=1e-6)


def test_probability_within_at_its_ends():
    assert probability_within(np.zeros(5), np.ones(5)) == pytest.approx(1)
    assert probability_within(np.array([0.2]), np.array([0.7])) == pytest.approx(0.5)
    assert probability_within(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == pytest.approx(0)
    # both draws in [0.5, 1]
    assert probability_within(np.array([0.5, 0.5]), np.array([1.0, 1.0])) == pytest.approx(0.25)


@pytest.mark.parametrize("n", [1, 5, 32, 500])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_ld_bounds_hold_with_exactly_the_confidence(n, confidence):
    lower, upper = METHODS["ld"](n, confidence)
    assert probability_within(lower[1:], upper[:-1]) == pytest.approx(confidence, abs=1e-6)
    np.testing.assert_allclose(lower, 1 - upper[::-1], atol=1e-12)


def test_exact_half_width_is_below_dkw():
    for n in (1, 16, 100, 500, 5000):
        assert ks_half_width(n, 0.95) < dkw_half_width(n, 0.95)


def test_ld_is_far_narrower_where_the_best_networks_are():
    _, dkw = METHODS["dkw"](500, 0.95)
    _, ld = METHODS["ld"](500, 0.95)
    assert ld[0] < dkw[0] / 4
