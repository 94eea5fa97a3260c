import numpy as np
import pytest
from scipy.stats import kendalltau

from netwright.errors import StatsError
from netwright.stats import epoch_fidelity, rank_fidelity
from netwright.stats.fidelity import _resampled, _taus, best_of


def pair(n, noise, seed=0):
    rng = np.random.default_rng(seed)
    late = rng.normal(30, 3, n)
    return late + rng.normal(0, noise, n), late


def test_tau_is_scipys_over_all_and_within_the_best_quarter():
    early, late = pair(80, 2.0)
    early, late = early.round(), late.round(1)  # ties on both sides
    found = rank_fidelity(early, late)
    best = late <= np.sort(late)[19]
    assert found.n == 80
    assert found.n_best == best.sum() >= 20
    assert found.tau == pytest.approx(kendalltau(early, late).statistic)
    assert found.best == pytest.approx(kendalltau(early[best], late[best]).statistic)
    assert found.interval[0] < found.tau < found.interval[1]
    assert found.best_interval[1] - found.best_interval[0] > found.interval[1] - found.interval[0]


def test_the_bootstrap_has_the_tau_of_each_sample():
    """By quadratic forms as by drawing the rows themselves."""
    early, late = pair(30, 3.0)
    early = early.round()
    drawn = _resampled(30, 20, seed=1)
    taus = _taus(early, late, drawn)
    for weights, tau in zip(drawn, taus, strict=True):
        rows = np.repeat(np.arange(30), weights.astype(int))
        assert tau == pytest.approx(kendalltau(early[rows], late[rows]).statistic, abs=1e-6)


def test_the_interval_covers_tau():
    true, covered = 2 / np.pi * np.arcsin(0.8), 0
    for seed in range(60):
        x, y = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 60).T
        low, high = rank_fidelity(x, y, repeats=199).interval
        covered += low <= true <= high
    assert 52 <= covered <= 60


def test_few_good_networks_among_bad_ones_are_where_ranks_fail():
    rng = np.random.default_rng(0)
    late = np.concatenate([rng.normal(25, 0.5, 25), rng.uniform(35, 60, 75)])
    found = rank_fidelity(late + rng.normal(0, 2, 100), late)
    assert found.tau > 0.75 > 0.5 > found.best


def test_the_best_are_found_by_the_late_measurement_with_ties():
    assert (
        best_of(np.array([3.0, 1.0, 2.0, 2.0, 5.0, 6.0, 7.0, 8.0]), 0.25).tolist()
        == [False, True, True, True] + [False] * 4
    )


def test_fewer_than_twenty_networks_have_no_ranks_within_the_best_quarter():
    early, late = pair(12, 1.0)
    found = rank_fidelity(early, late)
    assert (found.n_best, found.best, found.best_interval) == (3, None, None)


def test_each_epoch_against_a_late_one():
    rng = np.random.default_rng(0)
    end = rng.normal(30, 3, 60)
    curves = np.column_stack([end + rng.normal(0, noise, 60) for noise in (9, 3, 1, 0)])
    found = epoch_fidelity(curves, (1, 2, 5, 9), (5, 1))
    assert list(found) == [5, 1]
    assert found[5].tau == pytest.approx(kendalltau(curves[:, 2], end).statistic)
    assert found[5].tau > found[1].tau
    assert epoch_fidelity(curves, (1, 2, 5, 9), (1,), 5)[1].tau == pytest.approx(
        kendalltau(curves[:, 0], curves[:, 2]).statistic
    )


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: rank_fidelity([1, 2, 3], [1, 2, 3]), "at least 5"),
        (lambda: rank_fidelity([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]), "need errors that differ"),
        (lambda: rank_fidelity([1, 2, 3, 4], [1, 2, 3, 4, 5]), "must pair"),
        (lambda: rank_fidelity([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], fraction=1.0), "between 0 and 1"),
        (lambda: epoch_fidelity(np.ones((5, 3)), (1, 2, 3), (7,)), "no epoch 7: they have 1 to 3"),
        (lambda: epoch_fidelity(np.ones((5, 3)), (1, 2), (1,)), "a column for each of the 2 epochs, not 3"),
    ],
)
def test_what_has_no_ranks_is_explained(call, says):
    with pytest.raises(StatsError, match=says):
        call()


@pytest.mark.slow
def test_many_networks_take_seconds():
    early, late = pair(4000, 2.0)
    assert rank_fidelity(early, late).tau == pytest.approx(kendalltau(early, late).statistic)
