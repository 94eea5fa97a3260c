import numpy as np
import pytest

from netwright.errors import StatsError
from netwright.stats import (
    betting_trials,
    detectable_difference,
    equivalence_trials,
    group_plan,
    power_of,
    sequential_means,
    trials_for,
)
from netwright.stats.power import _inflation


@pytest.mark.parametrize(
    ("effect", "power", "n"),
    # Cohen (1988), table 2.4.1: two-sided 5%, n of each group for d = 0.2, 0.5, 0.8
    [(0.2, 0.8, 394), (0.5, 0.8, 64), (0.8, 0.8, 26), (0.5, 0.9, 86), (0.8, 0.95, 42)],
)
def test_published_sample_sizes(effect, power, n):
    assert trials_for(effect, 1.0, power) == n
    assert power_of(n, effect, 1.0) >= power > power_of(n - 1, effect, 1.0)


def test_a_test_of_no_difference_has_the_power_of_its_level():
    assert power_of(50, 0.0, 3.0) == pytest.approx(0.05)
    assert power_of(1, 5.0, 1.0) == 0.0
    assert power_of(50, 5.0, 0.0) == 1.0
    assert power_of(5000, 50.0, 1.0) == 1.0


@pytest.mark.parametrize("n", [2, 3, 10, 64, 1000])
def test_what_is_detectable_has_the_power(n):
    assert power_of(n, detectable_difference(n, 2.5, 0.8), 2.5) == pytest.approx(0.8)


def test_one_network_detects_nothing():
    assert detectable_difference(1, 2.5) == float("inf")


@pytest.mark.slow
def test_power_is_that_of_simulated_comparisons():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    a, b = rng.normal(41.5, 3, (4000, 40)), rng.normal(40, 3, (4000, 40))
    assert np.mean(ttest_ind(a, b, axis=1).pvalue <= 0.05) == pytest.approx(power_of(40, 1.5, 3), abs=0.025)


def test_equivalence_is_that_of_simulated_comparisons():
    n = equivalence_trials(1.0, 2.0, 0.8)
    assert n == pytest.approx(2 * (2.0 * (1.645 + 1.282) / 1.0) ** 2, rel=0.03)  # Chow, Shao and Wang (2008), 3.2
    assert equivalence_trials(1.0, 0.0) == 5


def test_inflation_of_group_sequential_tests():
    # 1.028 and 1.229 for the bounds of O'Brien and Fleming and of Pocock themselves (Jennison and Turnbull 2000,
    # tables 2.4 and 2.2); what only spends alpha like them takes a little less
    times, expected, null = _inflation(0.8, 0.95, 5, "obrien_fleming")
    assert times == pytest.approx(1.025, abs=0.005)
    assert expected < 0.85
    assert null == pytest.approx(0.99, abs=0.005)
    assert _inflation(0.8, 0.95, 5, "pocock")[0] == pytest.approx(1.21, abs=0.01)


def test_a_group_plan():
    plan = group_plan(1.0, 3.3, looks=5)
    fixed = trials_for(1.0, 3.3)
    assert fixed < plan.most < 1.05 * fixed
    assert 0.7 * fixed < plan.expected < 0.9 * fixed < plan.expected_null <= plan.most


@pytest.mark.slow
def test_betting_takes_about_as_many_as_planned():
    rng = np.random.default_rng(14)
    pilot = rng.normal(40, 3.3, 500)
    planned = betting_trials(pilot, 5.0, power=0.8)
    found = [
        sequential_means(rng.choice(pilot, planned) + 5, rng.choice(pilot, planned)).decision == "worse"
        for _ in range(150)
    ]
    assert 0.65 < np.mean(found) <= 1.0
    fewer = int(0.85 * planned)
    found = [
        sequential_means(rng.choice(pilot, fewer) + 5, rng.choice(pilot, fewer)).decision == "worse" for _ in range(150)
    ]
    assert np.mean(found) < 0.65


def test_betting_pays_for_what_errors_may_be():
    pilot = np.random.default_rng(0).normal(40, 3.3, 200)
    assert betting_trials(pilot, 2.0) > betting_trials(pilot, 5.0)
    assert betting_trials(pilot, 2.0, bounds=(20, 60)) < 0.6 * betting_trials(pilot, 2.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: trials_for(0, 3), "difference must not be 0"),
        (lambda: trials_for(1, -3), "spread must be 0 or more"),
        (lambda: trials_for(1, 3, power=80), "power must lie between 0 and 1, not 80"),
        (lambda: trials_for(1, 3, confidence=95), "confidence"),
        (lambda: trials_for(1e-9, 3), "more than 10,000,000 networks"),
        (lambda: equivalence_trials(0, 3), "margin must not be 0"),
        (lambda: group_plan(1, 3, looks=1), "looks must be 2 to 50"),
        (lambda: betting_trials([40.0, 41.0], 0), "difference must not be 0"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(StatsError, match=message):
        call()
