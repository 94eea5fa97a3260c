"""Two populations at one mix of complexity."""

from itertools import combinations

import numpy as np
import pytest

from netwright.errors import StatsError
from netwright.stats import edf, ks, normalized_test, normalized_weights, permutation_test


def _population(rng, n, tilt, deviation=3.0, failing=0.0, better_by=0.0):
    """Errors that fall with the flops; a positive tilt draws more large networks."""
    flops = 100 + 400 * rng.beta(2 + tilt, 2 - tilt, n)
    errors = 60 - 0.03 * flops - better_by + rng.normal(0, deviation, n)
    return np.where(rng.random(n) < failing, 100.0, errors), flops


def test_it_is_the_difference_of_the_normalized_edfs():
    rng = np.random.default_rng(0)
    (a, flops_a), (b, flops_b) = _population(rng, 60, 0.5), _population(rng, 90, -0.5)
    result = normalized_test(a, b, flops_a, flops_b, repeats=99)
    weights_a, weights_b = normalized_weights(flops_a, common=flops_b), normalized_weights(flops_b, common=flops_a)
    first, second = edf(a, weights_a), edf(b, weights_b)
    assert (result.n_a, result.n_b) == (first.n, second.n)
    assert (result.n_a + result.left_out_a, result.n_b + result.left_out_b) == (60, 90)
    assert result.difference == pytest.approx(first.mean - second.mean)
    assert (result.mean_a, result.mean_b) == (pytest.approx(first.mean), pytest.approx(second.mean))
    grid = np.nextafter(np.concatenate([a, b]), np.inf)
    assert result.distance == pytest.approx(np.abs(first.at(grid) - second.at(grid)).max())
    assert result.effective_a == pytest.approx(1 / np.sum(weights_a**2))
    assert (result.mix, result.mix_p) == (ks(flops_a, flops_b).statistic, ks(flops_a, flops_b).p_value)


def test_networks_without_a_counterpart_are_left_out_and_counted():
    result = normalized_test(
        [40.0, 41.0, 42.0, 43.0, 99.0], [40.5, 41.5, 43.5], [1, 1.1, 2, 2.2, 9.9], [1.2, 2.1, 5.0], [1, 2, 3, 6, 10]
    )
    assert (result.n_a, result.n_b, result.left_out_a, result.left_out_b, result.bins) == (4, 2, 1, 1, 2)
    assert result.difference == pytest.approx((40.5 + 42.5) / 2 - (40.5 + 41.5) / 2)
    with pytest.raises(StatsError, match="both populations"):
        normalized_test([1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [8.0, 9.0], bins=4)


def test_shuffles_stay_within_their_bins():
    """Against all splits of 3 + 2 networks in one bin and 2 + 2 in another one, one by one."""
    errors = [np.array([40.0, 44.0, 41.0, 39.0, 47.0]), np.array([50.0, 51.5, 58.0, 53.0])]
    first = [(0, 1, 4), (0, 3)]  # the networks of a

    def standardized(chosen):
        gap = variance = 0.0
        for e, of_a in zip(errors, chosen, strict=True):
            a, b = e[list(of_a)], np.delete(e, of_a)
            gap += (a.mean() - b.mean()) / 2
            variance += (a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)) / 4
        return gap / np.sqrt(variance)

    every = [standardized((x, y)) for x in combinations(range(5), 3) for y in combinations(range(4), 2)]
    observed = standardized(first)
    exact = 2 * min(np.mean(every <= observed + 1e-9), np.mean(every >= observed - 1e-9))
    a = np.concatenate([e[list(of_a)] for e, of_a in zip(errors, first, strict=True)])
    b = np.concatenate([np.delete(e, of_a) for e, of_a in zip(errors, first, strict=True)])
    result = normalized_test(a, b, [1, 1, 1, 2, 2], [1, 1, 2, 2], bins=2)
    assert result.p_value >= exact - 0.02
    assert result.p_value == pytest.approx(exact, abs=0.15)  # Welch's may be the larger one


@pytest.mark.slow
def test_another_mix_of_complexity_is_no_difference():
    rng, simulations = np.random.default_rng(1), 150
    unweighted = rejected = apart = held = 0
    for seed in range(simulations):
        (a, flops_a), (b, flops_b) = _population(rng, 48, 0.7), _population(rng, 64, -0.7)
        result = normalized_test(a, b, flops_a, flops_b, repeats=199, seed=seed)
        assert result.mix_p < 0.05 or result.mix < 0.3
        unweighted += permutation_test(a, b, repeats=99, seed=seed).p_value <= 0.05
        rejected += result.p_value <= 0.05
        apart += result.distance_p <= 0.05
        held += result.interval[0] <= 0 <= result.interval[1]
        assert (result.p_value > 0.05) or not result.interval[0] <= 0 <= result.interval[1]
    assert unweighted > 0.8 * simulations
    assert rejected < 0.11 * simulations  # 5% and three standard errors
    assert apart < 0.11 * simulations
    assert held > 0.89 * simulations


def test_a_difference_beyond_the_mix_is_found():
    rng, found = np.random.default_rng(2), 0
    for seed in range(40):
        a, flops_a = _population(rng, 80, 0.5, better_by=3)
        b, flops_b = _population(rng, 80, -0.5)
        result = normalized_test(a, b, flops_a, flops_b, repeats=199, seed=seed)
        found += result.p_value <= 0.05 and result.difference < 0
    assert found > 32


@pytest.mark.parametrize(("n_a", "n_b", "deviations"), [(20, 100, (10, 2)), (100, 20, (10, 2))])
def test_unequal_spreads_and_sizes_are_no_difference(n_a, n_b, deviations):
    rng, simulations, rejected = np.random.default_rng(3), 150, 0
    for seed in range(simulations):
        a, flops_a = _population(rng, n_a, 0.5, deviations[0])
        b, flops_b = _population(rng, n_b, -0.5, deviations[1])
        rejected += normalized_test(a, b, flops_a, flops_b, repeats=199, seed=seed).p_value <= 0.05
    assert rejected < 0.11 * simulations


def test_failures_and_ties_are_no_difference():
    rng, simulations, rejected, apart = np.random.default_rng(4), 150, 0, 0
    for seed in range(simulations):
        (a, flops_a), (b, flops_b) = (_population(rng, n, t, failing=0.25) for n, t in ((40, 0.5), (60, -0.5)))
        result = normalized_test(np.round(a), np.round(b), flops_a, flops_b, repeats=199, seed=seed)
        rejected += result.p_value <= 0.05
        apart += result.distance_p <= 0.05
    assert max(rejected, apart) < 0.11 * simulations


def test_the_order_of_rows_and_the_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(5)
    (a, flops_a), (b, flops_b) = _population(rng, 30, 0.3), _population(rng, 25, -0.3)
    whole = normalized_test(a, b, flops_a, flops_b, repeats=199)
    monkeypatch.setattr("netwright.stats.shuffles._CHUNK", 1000)
    turned = normalized_test(a[::-1], np.roll(b, 4), flops_a[::-1], np.roll(flops_b, 4), repeats=199)
    assert (turned.p_value, turned.distance_p) == (whole.p_value, whole.distance_p)
    assert turned.interval == pytest.approx(whole.interval)


def test_equal_errors_and_single_networks_say_nothing():
    constant = normalized_test([40.0] * 6, [40.0] * 6, range(6), range(6), bins=3, repeats=99)
    assert (constant.p_value, constant.distance_p, constant.interval, constant.difference) == (1, 1, None, 0)
    pairs = normalized_test([40.0, 41.0], [50.0, 51.0], [1, 2], [1, 2], bins=2, repeats=99)
    assert (pairs.bins, pairs.interval) == (2, None)
    assert pairs.p_value > 0.2


def test_what_cannot_be_is_refused():
    for wrong in ({"repeats": 0}, {"seed": -1}, {"confidence": 95}, {"bins": 0}):
        with pytest.raises(StatsError):
            normalized_test([1.0, 2.0], [2.0, 3.0], [1, 2], [1, 2], **wrong)
    with pytest.raises(StatsError, match="complexity_b"):
        normalized_test([1.0, 2.0], [2.0, 3.0], [1, 2], [1])


@pytest.mark.slow
def test_it_shows_itself():
    pytest.importorskip("altair")
    html = normalized_test([1.0, 2.0, 4.0], [2.0, 3.0, 5.0], [1, 1, 2], [1, 1, 2], bins=2)._repr_html_()
    assert "<svg" in html
    assert "2 bins of complexity" in html
