import numpy as np
import pytest

from netwright.errors import StatsError
from netwright.stats import ks, sequential_ks, sequential_ks_gap
from netwright.stats.sequential_ks import largest_gap


def test_the_gap_is_that_of_the_ks_test():
    rng = np.random.default_rng(0)
    for n, m in ((20, 20), (35, 60)):
        a, b = rng.integers(30, 45, n).astype(float), rng.normal(38, 4, m)
        assert largest_gap(a, b) == pytest.approx(ks(a, b).statistic)
        assert sequential_ks(a, b).statistic == pytest.approx(ks(a, b).statistic)


def test_the_gaps_that_the_docs_state():
    np.testing.assert_allclose([sequential_ks_gap(n) for n in (16, 100, 500)], [0.606, 0.332, 0.141], atol=0.001)
    assert sequential_ks_gap(100, most=100) < sequential_ks_gap(100)
    assert sequential_ks_gap(15) == 1.0


def test_one_by_one_is_the_same_as_at_once():
    rng = np.random.default_rng(1)
    a, b = rng.normal(40, 3, 60), rng.normal(37, 3, 60)
    test = sequential_ks()
    for first, second in zip(a, b, strict=True):
        test = test.update(a=[first]).update(b=[second])
    whole = sequential_ks(a, b)
    assert (test.n_a, test.n_b, test.statistic) == (60, 60, whole.statistic)
    assert test.p_value <= whole.p_value  # it also looked while a had one more
    assert whole.decision == test.decision == "different"


def test_a_decision_stays():
    rng = np.random.default_rng(2)
    test = sequential_ks(rng.normal(40, 1, 40), rng.normal(30, 1, 40))
    assert test.decision == "different"
    assert test.interval[0] > 0
    later = test.update(a=rng.normal(30, 1, 600), b=rng.normal(30, 1, 600))
    assert later.decision == "different"
    assert later.p_value <= test.p_value
    assert later.statistic < 0.1


def test_p_and_the_gap_agree():
    a = np.arange(100.0)
    for shift in range(20, 50):
        test = sequential_ks(a, a + shift, start=100)
        assert (test.statistic >= sequential_ks_gap(100, start=100)) == (test.decision == "different")


def test_with_one_side_nothing_is_known():
    test = sequential_ks(a=[40.0] * 30)
    assert (test.p_value, test.statistic, test.interval, test.decision) == (1.0, 0.0, (0.0, 1.0), "undecided")


def test_failures_are_errors_of_100():
    errors = np.random.default_rng(3).normal(40, 1, 100)
    failing = np.where(np.arange(100) % 2, 100.0, errors)
    assert sequential_ks(errors, failing).decision == "different"


@pytest.mark.slow
def test_equal_distributions_are_called_different_in_one_of_twenty_at_most():
    rng = np.random.default_rng(14)
    wrong = {None: 0, 120: 0}
    for _ in range(100):
        a, b = rng.normal(40, 3, (2, 120))
        for most in wrong:
            wrong[most] += sequential_ks(a, b, most=most).decision == "different"
    assert wrong[None] <= wrong[120] <= 0.05 * 100


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sequential_ks(start=3), "start must be at least 4"),
        (lambda: sequential_ks([1.0] * 30, [2.0] * 30, most=20), "at most 20 networks, not 30"),
        (lambda: sequential_ks([np.nan], [1.0]), "a must be finite"),
        (lambda: sequential_ks(most=10), "most must be at least start"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(StatsError, match=message):
        call()
