import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import kstwo

from netwright.errors import StatsError
from netwright.stats import band, edf, normalized_weights

ERRORS = hnp.arrays(np.float64, st.integers(1, 30), elements=st.integers(0, 12).map(float))


def test_golden_population(regnetx_errors):
    f = edf(regnetx_errors)
    assert f.n == 32
    assert f.min == 34.984
    assert round(f.mean, 3) == 37.107
    assert f.errors[-1] == 41.068
    assert f.legend() == "[32 | 35.0 | 37.1]"


def test_legend_is_that_of_the_papers():
    assert edf(np.append(np.full(499, 43.209), 38.7)).legend() == "[500 | 38.7 | 43.2]"


def test_legend_says_how_many_failed():
    f = edf([31.0] + [50.0] * 87 + [100.0] * 12)
    assert f.legend(failed=12) == "[100 | 31.0 | 55.8 | 12 failed]"
    assert f.legend(failed=0) == f.legend() == "[100 | 31.0 | 55.8]"


def test_edf_is_strictly_below():
    f = edf([30.0, 40.0, 40.0, 50.0])
    np.testing.assert_array_equal(f.at([29, 30, 30.1, 40, 40.1, 50, 50.1]), [0, 0, 0.25, 0.25, 0.75, 0.75, 1])
    assert f.at(np.zeros((2, 3))).shape == (2, 3)
    assert f.at(-np.inf) == 0
    assert f.at(np.inf) == 1
    with pytest.raises(StatsError, match="NaN"):
        f.at([1.0, np.nan])


@settings(deadline=None)
@given(ERRORS, st.data())
def test_edf_is_its_definition(errors, data):
    weights = data.draw(hnp.arrays(np.float64, errors.size, elements=st.integers(0, 5).map(float)).filter(np.any))
    grid = np.arange(-1, 14, 0.5)
    f = edf(errors, weights)
    below = (errors < grid[:, np.newaxis]).astype(float)
    np.testing.assert_allclose(f.at(grid), below @ (weights / weights.sum()), atol=1e-12)
    np.testing.assert_allclose(edf(errors).at(grid), below.mean(axis=1), atol=1e-12)
    assert f.mean == pytest.approx(np.average(errors, weights=weights))
    assert f.min == errors[weights > 0].min()
    assert f.n == np.sum(weights > 0)
    assert f.at(np.inf) == 1


@settings(deadline=None)
@given(ERRORS)
def test_steps_are_the_corners_of_the_curve(errors):
    f = edf(errors)
    x, y = f.steps()
    assert y[0] == 0
    assert y[-1] == 1
    np.testing.assert_array_equal(y[::2], f.at(x[::2]))
    np.testing.assert_allclose(y[1::2], [(errors <= e).mean() for e in x[1::2]], atol=1e-12)


@pytest.mark.parametrize("weights", [[1.0, -1.0], [0.0, 0.0], [1.0], [1.0, np.nan]])
def test_bad_weights_are_refused(weights):
    with pytest.raises(StatsError):
        edf([30.0, 40.0], weights)


def test_normalized_weights_give_every_used_bin_the_same_share():
    complexity = np.array([1.0, 1.1, 1.2, 2.5, 9.9, 10.0])
    weights = normalized_weights(complexity, bins=[1, 2, 3, 5, 10])
    np.testing.assert_allclose(weights, [1 / 9, 1 / 9, 1 / 9, 1 / 3, 1 / 6, 1 / 6])
    np.testing.assert_allclose(normalized_weights([7.0, 7.0]), 0.5)


def test_networks_outside_the_edges_weigh_nothing():
    weights = normalized_weights([0.5, 1.0, 2.0, 2.1], bins=[1, 2])
    np.testing.assert_allclose(weights, [0, 0.5, 0.5, 0])


def test_common_bins_remove_a_difference_that_is_only_complexity():
    rng = np.random.default_rng(0)
    small, large = rng.uniform(1, 8, 2000), 10 - rng.triangular(0, 0, 9, 2000)

    def error(flops):
        return 50 - 2 * flops + rng.normal(size=flops.size)

    error_small, error_large = error(small), error(large)
    assert edf(error_small).mean - edf(error_large).mean > 4
    gap = (
        edf(error_small, normalized_weights(small, 20, common=large)).mean
        - edf(error_large, normalized_weights(large, 20, common=small)).mean
    )
    assert abs(gap) < 0.3


def test_impossible_bins_are_refused():
    for bins in (0, [1.0], [2.0, 1.0], [1.0, 1.0]):
        with pytest.raises(StatsError, match="bins"):
            normalized_weights([1.0, 2.0], bins=bins)
    with pytest.raises(StatsError, match="both populations"):
        normalized_weights([1.0, 2.0], common=[8.0, 9.0], bins=4)


@pytest.mark.parametrize(("n", "half_width"), [(32, 0.2401), (100, 0.1358), (500, 0.0607)])
def test_dkw_half_widths(n, half_width):
    lower, upper = band(np.arange(n)).at([n / 2])
    assert lower[0] == pytest.approx(0.5 - half_width, abs=5e-5)
    assert upper[0] == pytest.approx(0.5 + half_width, abs=5e-5)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 7, 8, 50, 500])
def test_half_width_is_not_cut_where_the_band_is(n):
    errors = np.arange(float(n))
    assert band(errors).half_width == pytest.approx(np.sqrt(np.log(40) / (2 * n)))
    assert band(errors, method="ks").half_width == pytest.approx(kstwo.ppf(0.95, n))
    assert (band(errors).half_width >= 0.5) == (n <= 7)
    for method in ("dkw", "ks", "ld"):
        found = band(errors, method=method)
        share = np.arange(n + 1) / n
        assert found.half_width >= max((found.upper - share).max(), (share - found.lower).max()) - 1e-12


def test_the_truth_is_no_farther_than_the_half_width():
    """Of 5 networks too, where cut bands said 0.5: 95 of 100 samples are within it."""
    rng, n = np.random.default_rng(6), 5
    share = np.arange(n + 1) / n
    samples = np.sort(rng.uniform(size=(4000, n)), axis=1)
    far = np.maximum(np.abs(share[1:] - samples), np.abs(samples - share[:-1])).max(axis=1)
    for method in ("dkw", "ks"):
        assert np.mean(far <= band(np.arange(5.0), method=method).half_width) > 0.94


def test_bands_stay_within_0_and_1_and_rise():
    for method in ("dkw", "ks", "ld"):
        lower, upper = band(np.arange(20), method=method).at(np.linspace(-1, 21, 200))
        assert (lower >= 0).all()
        assert (upper <= 1).all()
        assert (lower <= upper).all()
        assert (np.diff(lower) >= 0).all()
        assert (np.diff(upper) >= 0).all()


def _coverage(method, n, draw, truth, simulations, seed):
    """Share of samples whose band holds the true F(e) = P(E < e) at every error, and just above every one."""
    rng = np.random.default_rng(seed)
    held = 0
    for _ in range(simulations):
        errors = draw(rng, n)
        grid = np.concatenate([errors, np.nextafter(errors, np.inf)])
        lower, upper = band(errors, method=method).at(grid)
        held += bool(np.all((lower <= truth(grid)) & (truth(grid) <= upper)))
    return held / simulations


@pytest.mark.parametrize("n", [16, 100])
@pytest.mark.parametrize("method", ["dkw", "ks", "ld"])
def test_coverage_is_as_stated(method, n):
    coverage = _coverage(method, n, lambda rng, n: rng.uniform(size=n), lambda e: e, 2000, seed=1)
    assert coverage > 0.95 - 0.015  # three standard errors
    if method != "dkw":
        assert coverage < 0.95 + 0.015


@pytest.mark.parametrize("method", ["dkw", "ks", "ld"])
def test_coverage_holds_for_errors_that_repeat(method):
    def below(e):
        return np.clip(np.ceil(e) / 6, 0, 1)  # of a die with faces 0..5

    assert _coverage(method, 48, lambda rng, n: rng.integers(6, size=n).astype(float), below, 1000, seed=2) > 0.95


def test_band_of_an_edf_is_that_of_its_errors_unless_weighted(regnetx_errors):
    f = edf(regnetx_errors)
    np.testing.assert_array_equal(band(f).at([36.0]), band(regnetx_errors).at([36.0]))
    with pytest.raises(StatsError, match="equal weights"):
        band(edf(regnetx_errors, np.ones(32)))


def test_unknown_method_and_confidence_are_refused():
    with pytest.raises(StatsError, match="dkw, ks, ld"):
        band([1.0], method="exact")
    for confidence in (0, 1, 95):
        with pytest.raises(StatsError, match="confidence"):
            band([1.0], confidence)
