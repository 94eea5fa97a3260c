import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from netwright.errors import StatsError
from netwright.stats import ks, permutation_test

ERRORS = hnp.arrays(np.float64, st.integers(1, 12), elements=st.integers(0, 6).map(float))


def test_ks_agrees_with_scipy(regnetx_errors):
    a, b = regnetx_errors[:16], regnetx_errors[16:]
    result, expected = ks(a, b), stats.ks_2samp(a, b)
    assert result.statistic == expected.statistic
    assert result.p_value == expected.pvalue
    assert (result.n_a, result.n_b) == (16, 16)


@settings(deadline=None)
@given(ERRORS, ERRORS)
def test_ks_gap_is_where_it_says(a, b):
    result = ks(a, b)
    just_above = np.nextafter(result.gap_at, np.inf)
    assert result.gap == pytest.approx(np.mean(a < just_above) - np.mean(b < just_above))
    assert result.statistic == pytest.approx(abs(result.gap))


def test_ks_of_thousands_and_of_no_overlap_is_silent():
    rng = np.random.default_rng(0)
    result = ks(rng.normal(size=9001), rng.normal(size=9990) + 9)
    assert result.p_value < 1e-12
    assert result.gap > 0.99


def test_best_of_more_networks_looks_better_and_ks_is_not_fooled():
    """NDS's warning: best of 100 against best of 1000 of one space."""
    rng = np.random.default_rng(0)
    looks_better = rejected = 0
    for _ in range(200):
        hundred, thousand = rng.normal(43, 3, 100), rng.normal(43, 3, 1000)
        looks_better += thousand.min() < hundred.min()
        rejected += ks(hundred, thousand).p_value < 0.05
    assert looks_better > 0.85 * 200
    assert rejected < 0.09 * 200


@pytest.mark.parametrize("statistic", ["mean", "median", "min"])
@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_permutation_test_agrees_with_scipy(regnetx_errors, statistic, alternative):
    a, b = regnetx_errors[:12], regnetx_errors[12:] + 1
    measure = getattr(np, statistic)
    expected = stats.permutation_test(
        (a, b),
        lambda x, y, axis: measure(x, axis=axis) - measure(y, axis=axis),
        alternative=alternative,
        n_resamples=4999,
        vectorized=True,
        rng=np.random.default_rng(5),
    )
    result = permutation_test(a, b, statistic, repeats=4999, alternative=alternative)
    assert result.difference == pytest.approx(expected.statistic)
    assert result.p_value == pytest.approx(expected.pvalue, abs=0.03)


def test_permutation_test_of_few_networks_is_the_exact_one():
    a, b = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]
    assert permutation_test(a, b, repeats=20_000, alternative="less").p_value == pytest.approx(1 / 70, abs=0.003)
    assert permutation_test(a, b, repeats=20_000).p_value == pytest.approx(2 / 70, abs=0.006)
    assert permutation_test(a, b, repeats=99, alternative="greater").p_value == 1


def test_p_value_is_never_0():
    assert permutation_test(np.zeros(30), np.ones(30), repeats=99).p_value == pytest.approx(0.02)


def test_equal_populations_are_not_told_apart():
    result = permutation_test([0.1, 0.2, 0.3], [0.3, 0.2, 0.1], repeats=99)
    assert result.p_value == 1
    assert result.difference == pytest.approx(0)
    assert permutation_test([0.1] * 3, [0.1] * 7, repeats=99).p_value == 1


@pytest.mark.parametrize("test", ["ks", "mean", "median", "min"])
def test_false_positives_are_near_nominal(test):
    rng = np.random.default_rng(3)
    simulations, rejected = 300, 0
    for seed in range(simulations):
        a, b = rng.gamma(2, 3, 40), rng.gamma(2, 3, 25)  # skewed and of unequal size, as populations are
        result = ks(a, b) if test == "ks" else permutation_test(a, b, test, repeats=199, seed=seed)
        rejected += result.p_value <= 0.05
    assert 0.015 * simulations <= rejected <= 0.09 * simulations  # 5% is 15 of 300; 3 standard errors are 11


def test_interval_covers_the_true_difference_about_as_stated():
    rng = np.random.default_rng(4)
    held = 0
    for seed in range(300):
        low, high = permutation_test(rng.normal(40, 2, 60), rng.normal(43, 3, 60), repeats=399, seed=seed).interval
        held += low <= -3 <= high
    assert 0.90 * 300 <= held <= 0.98 * 300


def test_minimum_has_no_interval():
    assert permutation_test([1.0, 2.0], [3.0, 4.0], "min", repeats=9).interval is None


@settings(deadline=None)
@given(ERRORS, ERRORS)
def test_effect_sizes_are_their_definitions(a, b):
    effect = ks(a, b).effect
    differences = a[:, np.newaxis] - b
    assert effect.cliffs_delta == pytest.approx(np.mean(np.sign(differences)))
    assert effect.superiority == pytest.approx(np.mean(differences < 0) + np.mean(differences == 0) / 2)


def test_standardized_difference():
    assert ks([1.0, 3.0], [4.0, 6.0]).effect.standardized == pytest.approx(-3 / np.sqrt(2))
    assert ks([1.0, 1.0], [1.0]).effect.standardized == 0
    assert ks([1.0, 1.0], [2.0]).effect.standardized == -np.inf


def test_same_seed_same_result(regnetx_errors):
    a, b = regnetx_errors[:16], regnetx_errors[16:]
    assert permutation_test(a, b, repeats=199, seed=7) == permutation_test(a, b, repeats=199, seed=7)
    assert permutation_test(a, b, repeats=199, seed=7) != permutation_test(a, b, repeats=199, seed=8)


def test_result_does_not_depend_on_the_chunks(regnetx_errors, monkeypatch):
    a, b = regnetx_errors[:16], regnetx_errors[16:]
    whole = permutation_test(a, b, repeats=199)
    monkeypatch.setattr("netwright.stats.compare._CHUNK", 1000)
    assert permutation_test(a, b, repeats=199).p_value == whole.p_value


@pytest.mark.parametrize(
    "wrong",
    [
        {"statistic": "mode"},
        {"alternative": "lower"},
        {"repeats": 0},
        {"seed": -1},
        {"confidence": 95},
        {"statistic": "max"},
    ],
)
def test_unknown_words_are_refused(wrong):
    with pytest.raises(StatsError):
        permutation_test([1.0], [2.0], **wrong)
