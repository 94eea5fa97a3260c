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


@pytest.mark.slow
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


def _welch_t(x, y, axis):
    return stats.ttest_ind(x, y, axis=axis, equal_var=False).statistic


def _gap(measure):
    return lambda x, y, axis: measure(x, axis=axis) - measure(y, axis=axis)


@pytest.mark.parametrize("statistic", ["mean", "median", "min"])
@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_permutation_test_agrees_with_scipy(regnetx_errors, statistic, alternative):
    a, b = regnetx_errors[:12], regnetx_errors[12:] + 1
    expected = stats.permutation_test(
        (a, b),
        _gap(getattr(np, statistic)),
        alternative=alternative,
        n_resamples=4999,
        vectorized=True,
        rng=np.random.default_rng(5),
    )
    result = permutation_test(a, b, statistic, repeats=4999, alternative=alternative, studentized=False)
    assert result.difference == pytest.approx(expected.statistic)
    assert result.p_value == pytest.approx(expected.pvalue, abs=0.03)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_means_are_studentized_by_default(regnetx_errors, alternative):
    a, b = regnetx_errors[:12], 2 * regnetx_errors[12:] - 36
    expected = stats.permutation_test(
        (a, b), _welch_t, alternative=alternative, n_resamples=4999, vectorized=True, rng=np.random.default_rng(5)
    )
    result = permutation_test(a, b, repeats=4999, alternative=alternative)
    assert result.studentized
    assert expected.pvalue - 0.03 < result.p_value < expected.pvalue + 0.05  # the bootstrap-t's p may be the larger one
    assert result.difference == pytest.approx(a.mean() - b.mean())


def test_permutation_test_of_few_networks_is_the_exact_one():
    a, b = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]
    for seed in range(3):
        options = {"studentized": False, "seed": seed, "repeats": 99}
        assert permutation_test(a, b, alternative="less", **options).p_value == 1 / 70
        assert permutation_test(a, b, **options).p_value == 2 / 70
        assert permutation_test(a, b, alternative="greater", **options).p_value == 1
    assert permutation_test([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]).p_value == 0.1


def test_few_networks_against_few_agree_with_scipy():
    a, b = [3.0, 5.0, 5.0, 9.0], [5.0, 7.0, 12.0]
    expected = stats.permutation_test((np.array(a), np.array(b)), _gap(np.mean), n_resamples=np.inf, vectorized=True)
    assert permutation_test(a, b, studentized=False).p_value == pytest.approx(expected.pvalue)


def test_one_network_has_no_spread_and_is_not_studentized():
    result = permutation_test([1.0], np.arange(2.0, 22.0))
    assert (result.studentized, result.interval) == (False, None)
    assert result.p_value == pytest.approx(2 / 21)


def test_what_does_not_vary_is_told_apart_only_by_its_mean():
    assert permutation_test([40.0] * 9, [40.0] * 30).p_value == 1
    apart = permutation_test([40.0] * 9, [41.0] * 30, repeats=999)
    assert (apart.p_value, apart.interval) == (0.002, None)
    varies = permutation_test([40.0] * 9, 41 + np.linspace(-0.5, 0.5, 30), repeats=999)
    assert varies.p_value == 0.002
    assert varies.interval[0] < -1 < varies.interval[1] < 0


def test_the_order_of_rows_changes_nothing(regnetx_errors):
    a, b = regnetx_errors[:10], regnetx_errors[10:]
    assert permutation_test(a, b, repeats=199) == permutation_test(a[::-1], np.roll(b, 3), repeats=199)


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


def _normal(mean, deviation):
    return lambda rng, n: rng.normal(mean, deviation, n)


def _failing(share, mean, deviation):
    """Counted as 100%."""
    return lambda rng, n: np.where(rng.random(n) < share, 100.0, rng.normal(mean, deviation, n))


# (draw a, n_a, draw b, n_b)
_EQUAL_MEANS = {
    "small wide": (_normal(40, 10), 20, _normal(40, 2), 100),
    "small narrow": (_normal(40, 2), 20, _normal(40, 10), 100),
    "five each": (_normal(40, 10), 5, _normal(40, 2), 5),
    "failures": (_failing(0.2, 40, 3), 20, _failing(0.2, 40, 3), 100),
    "failures of one": (_failing(0.2, 40, 3), 16, _normal(52, 3), 64),
}


@pytest.mark.parametrize("name", _EQUAL_MEANS)
def test_equal_means_of_unequal_spreads_are_not_called_different(name):
    draw_a, n_a, draw_b, n_b = _EQUAL_MEANS[name]
    rng, simulations, rejected, held = np.random.default_rng(8), 200, 0, 0
    for seed in range(simulations):
        result = permutation_test(draw_a(rng, n_a), draw_b(rng, n_b), repeats=199, seed=seed)
        rejected += result.p_value <= 0.05
        held += result.interval is not None and result.interval[0] <= 0 <= result.interval[1]
        assert result.interval is None or result.p_value > 0.05 or not result.interval[0] <= 0 <= result.interval[1]
    assert rejected <= 0.09 * simulations  # without: 31% to 36% where the small population is the wide one
    assert held >= 0.90 * simulations


def test_a_small_narrow_population_that_is_better_is_found():
    rng, found, plainly = np.random.default_rng(9), 0, 0
    for seed in range(100):
        a, b = rng.normal(39, 2, 20), rng.normal(42, 10, 100)
        found += permutation_test(a, b, repeats=199, seed=seed).p_value <= 0.05
        plainly += permutation_test(a, b, repeats=199, seed=seed, studentized=False).p_value <= 0.05
    assert found > 60
    assert plainly < 20


def test_a_population_that_mostly_failed_is_the_worse_one():
    a, b = np.arange(40.0, 50.0), np.concatenate([np.arange(30.0, 35.0), np.full(95, 100.0)])
    result = permutation_test(b, a)
    assert result.difference == pytest.approx(52.1)
    assert result.p_value == 0.0002
    assert result.interval[0] > 40


def test_thousands_are_compared_by_welch(monkeypatch):
    rng = np.random.default_rng(10)
    a, b = rng.normal(40, 3, 400), rng.normal(40.4, 5, 300)
    for alternative in ("two-sided", "less", "greater"):
        drawn = permutation_test(a, b, alternative=alternative)
        with monkeypatch.context() as patch:
            patch.setattr("netwright.stats.compare.MANY", 200)
            direct = permutation_test(a, b, alternative=alternative)
        expected = stats.ttest_ind(a, b, equal_var=False, alternative=alternative)
        assert direct.p_value == pytest.approx(expected.pvalue)
        assert drawn.p_value == pytest.approx(expected.pvalue, abs=0.03)
        assert drawn.interval == pytest.approx(direct.interval, abs=0.08)
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    assert direct.interval == pytest.approx((interval.low, interval.high))


def test_of_fewer_than_five_there_is_no_interval():
    few, five = np.arange(4.0), np.arange(5.0)
    for statistic in ("mean", "median"):
        assert permutation_test(few, five, statistic, repeats=199).interval is None
        assert permutation_test(five, five + 1, statistic, repeats=199).interval is not None


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
    monkeypatch.setattr("netwright.stats.shuffles._CHUNK", 1000)
    assert permutation_test(a, b, repeats=199) == whole


@pytest.mark.parametrize(
    "wrong",
    [
        {"statistic": "mode"},
        {"alternative": "lower"},
        {"repeats": 0},
        {"seed": -1},
        {"confidence": 95},
        {"statistic": "max"},
        {"statistic": "median", "studentized": True},
        {"studentized": True},
    ],
)
def test_unknown_words_are_refused(wrong):
    with pytest.raises(StatsError):
        permutation_test([1.0], [2.0], **wrong)
