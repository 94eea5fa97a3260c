import numpy as np
import pytest

from netwright.errors import StatsError
from netwright.stats import sequential_means
from netwright.stats.betting import STAKES, log_capital


def test_stakes_are_a_mixture():
    assert sum(STAKES.values()) == pytest.approx(1)
    assert all(0 < stake < 1 for stake in STAKES)


def test_at_fair_odds_the_capital_is_a_martingale():
    """Of all 2^8 sequences of fair coins, the mean capital is 1 after each toss: an exact check."""
    coins = ((np.arange(256)[:, np.newaxis] >> np.arange(8)) & 1).astype(float)
    np.testing.assert_allclose(np.exp(log_capital(coins, 0.5)).mean(axis=0), 1.0)
    uneven = np.exp(log_capital(coins, 0.3)) * np.prod(np.where(coins == 1, 0.3, 0.7), axis=1, keepdims=True)
    assert uneven[:, -1].sum() == pytest.approx(1)


def test_the_capital_falls_with_the_mean():
    values = np.random.default_rng(0).random(50)
    capital = [log_capital(values, mean) for mean in np.linspace(0.05, 1, 40)]
    assert (np.diff(capital, axis=0) <= 0).all()


def test_one_by_one_is_the_same_as_at_once():
    rng = np.random.default_rng(1)
    a, b = rng.normal(40, 3, 80), rng.normal(33, 3, 80)
    test = sequential_means()
    for first, second in zip(a, b, strict=True):
        test = test.update(a=[first], b=[second])
    whole = sequential_means(a, b)
    np.testing.assert_allclose(test.interval, whole.interval, atol=1e-9)
    assert (test.pairs, test.decision) == (80, "worse")
    assert test.p_value == pytest.approx(whole.p_value)
    assert whole.difference == pytest.approx((a - b).mean())


def test_the_interval_never_widens_and_p_never_grows():
    rng = np.random.default_rng(2)
    test = sequential_means()
    widths, p_values = [], []
    for _ in range(30):
        test = test.update(a=rng.normal(40, 8, 10), b=rng.normal(36, 8, 10))
        widths.append(test.interval[1] - test.interval[0])
        p_values.append(test.p_value)
    assert (np.diff(widths) <= 1e-9).all()
    assert (np.diff(p_values) <= 0).all()
    assert (test.p_value <= 0.05) == (test.interval[0] > 0 or test.interval[1] < 0)


def test_swapped_populations_give_the_mirror_image():
    rng = np.random.default_rng(3)
    a, b = rng.normal(30, 5, 100), rng.normal(40, 5, 100)
    one, other = sequential_means(a, b), sequential_means(b, a)
    np.testing.assert_allclose(one.interval, [-other.interval[1], -other.interval[0]])
    assert (one.decision, other.decision) == ("better", "worse")


def test_what_has_no_partner_waits():
    test = sequential_means(a=[40.0] * 10)
    assert (test.pairs, test.n_a, test.n_b, test.interval) == (0, 10, 0, (-100.0, 100.0))
    assert test.update(b=[30.0] * 4).pairs == 4


def test_equivalence():
    rng = np.random.default_rng(4)
    a, b = rng.normal(40, 2, (2, 1500))
    test = sequential_means(a, b, margin=1.0)
    assert (test.decision, test.is_equivalent) == ("equivalent", True)
    assert -1 < test.interval[0] < 0 < test.interval[1] < 1
    assert sequential_means(a, b).decision == "undecided"
    nearly = sequential_means(a[:100], b[:100], margin=1.0)  # so few cannot rule out rare failures
    assert nearly.decision == "undecided"


def test_narrower_bounds_need_fewer():
    rng = np.random.default_rng(5)
    a, b = rng.normal(40, 2, 60), rng.normal(37, 2, 60)
    assert sequential_means(a, b).decision == "undecided"
    assert sequential_means(a, b, bounds=(25, 55)).decision == "worse"


@pytest.mark.slow
def test_with_failures_and_long_tails_intervals_miss_in_one_of_twenty_at_most():
    rng = np.random.default_rng(14)
    missed = 0
    for _ in range(200):
        a = np.where(rng.random(150) < 0.05, 100.0, rng.normal(30, 2, 150))  # mean 33.5
        b = np.minimum(30 + rng.exponential(3.5, 150), 100)
        interval = sequential_means(a, b).interval
        missed += not interval[0] <= 0 <= interval[1]
    assert missed <= 0.05 * 200


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sequential_means([101.0], [1.0]), "a must lie within 0 and 100, not 101"),
        (lambda: sequential_means([1.0], [-1.0]), "b must lie within"),
        (lambda: sequential_means(bounds=(5, 5)), "bounds must ascend"),
        (lambda: sequential_means(margin=0), "margin must be above 0"),
        (lambda: sequential_means(confidence=0), "confidence"),
        (lambda: sequential_means([np.inf]), "a must be finite"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(StatsError, match=message):
        call()
