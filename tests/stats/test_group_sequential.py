import numpy as np
import pytest

from netwright.errors import StatsError
from netwright.stats import group_sequential, spending_bounds
from netwright.stats.group_sequential import SPENDING, crossing_chances

FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


@pytest.mark.parametrize(
    ("spending", "published"),
    [
        # Lan and DeMets's functions, five equal steps, two-sided 5%: Jennison and Turnbull's and ldbounds's values
        ("obrien_fleming", (4.877, 3.357, 2.680, 2.290, 2.031)),
        ("pocock", (2.438, 2.427, 2.410, 2.397, 2.386)),
    ],
)
def test_published_bounds(spending, published):
    np.testing.assert_allclose(spending_bounds(FIFTHS, spending=spending), published, atol=6e-4)


def test_one_look_is_a_z_test():
    for spending in SPENDING:
        assert spending_bounds([1.0], spending=spending)[0] == pytest.approx(1.95996, abs=1e-4)


@pytest.mark.parametrize("spending", SPENDING)
def test_all_of_alpha_is_spent_and_no_more(spending):
    for fractions in (FIFTHS, (0.1, 0.5, 0.55, 1.0)):
        bounds = spending_bounds(fractions, spending=spending)
        spent = np.cumsum(crossing_chances(fractions, bounds, 0.0))
        np.testing.assert_allclose(spent, [SPENDING[spending](t, 0.05) for t in fractions], atol=1e-6)
        assert spent[-1] == pytest.approx(0.05)


def test_crossing_chances_are_those_of_a_walk():
    rng = np.random.default_rng(0)
    bounds = spending_bounds(FIFTHS, spending="pocock")
    steps = rng.normal(2.5 * 0.2, np.sqrt(0.2), (100_000, 5))
    crossed = np.abs(np.cumsum(steps, axis=1) / np.sqrt(FIFTHS)) >= bounds
    first = [np.mean(crossed[:, k] & ~crossed[:, :k].any(axis=1)) for k in range(5)]
    np.testing.assert_allclose(crossing_chances(FIFTHS, bounds, 2.5), first, atol=0.005)


def test_a_large_difference_ends_early():
    rng = np.random.default_rng(1)
    test = group_sequential(100, spending="pocock")
    test = test.update(rng.normal(30, 2, 20), rng.normal(40, 2, 20))
    assert test.decision == "better"
    assert test.looks[0].fraction == pytest.approx(0.2)
    assert test.looks[0].bound == pytest.approx(2.438, abs=1e-3)
    assert test.looks[0].z < -2.438
    assert test.interval[1] < 0
    assert not test.is_over


def test_the_interval_and_z_agree():
    rng = np.random.default_rng(2)
    for _ in range(50):
        test = group_sequential(40)
        for _ in range(4):
            test = test.update(rng.normal(40, 3, 10), rng.normal(38, 3, 10))
            look = test.looks[-1]
            shown = any(abs(each.z) >= each.bound for each in test.looks)
            assert shown == (test.decision != "undecided"), look
        assert test.is_over


def test_looks_before_five_of_each_are_none():
    test = group_sequential(50)
    for _ in range(4):
        test = test.update(a=[40.0], b=[41.0])
    assert (test.looks, test.decision, test.interval) == ((), "undecided", (-np.inf, np.inf))
    assert test.update(a=[39.0, 42.0, 38.0], b=[40.0]).looks[0].n_b == 5
    assert test.update() is test


def test_unequal_sizes_know_as_much_as_their_harmonic_mean():
    rng = np.random.default_rng(3)
    test = group_sequential(60).update(rng.normal(40, 3, 90), rng.normal(40, 3, 45))
    assert test.fraction == 1.0
    assert test.is_over


def test_equivalence():
    rng = np.random.default_rng(4)
    test = group_sequential(400, margin=1.0).update(*rng.normal(40, 3, (2, 400)))
    assert (test.decision, test.is_equivalent) == ("equivalent", True)
    assert group_sequential(400).update(*rng.normal(40, 3, (2, 400))).decision == "undecided"


def test_networks_that_are_all_alike_decide_nothing():
    test = group_sequential(20).update([40.0] * 10, [41.0] * 10)
    assert (test.decision, test.difference) == ("undecided", -1.0)


def test_no_more_after_the_end():
    test = group_sequential(10).update(np.arange(10.0), np.arange(10.0))
    assert test.is_over
    with pytest.raises(StatsError, match="ended at 10 networks of each"):
        test.update(a=[1.0])


@pytest.mark.slow
@pytest.mark.parametrize("spending", SPENDING)
def test_looking_after_every_fifth_trial_calls_equal_means_different_in_one_of_twenty(spending):
    rng = np.random.default_rng(14)
    wrong = 0
    for _ in range(300):
        test = group_sequential(60, spending=spending)
        for _ in range(6):
            test = test.update(*rng.normal(40, 3, (2, 10)))
        wrong += test.decision != "undecided"
    assert wrong / 300 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: group_sequential(4), "most must be at least 5"),
        (lambda: group_sequential(50, spending="even"), "unknown spending 'even'"),
        (lambda: group_sequential(50, margin=-1), "margin must be above 0"),
        (lambda: spending_bounds([0.5, 0.5]), "fractions must ascend"),
        (lambda: spending_bounds([0.5, 1.5]), "fractions must ascend"),
        (lambda: spending_bounds([0.0, 1.0]), "fractions must ascend"),
        (lambda: group_sequential(50).update([np.nan]), "a must be finite"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(StatsError, match=message):
        call()
