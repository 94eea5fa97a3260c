import numpy as np
import pytest
from scipy import stats

from netwright.errors import StatsError
from netwright.stats import importance
from netwright.stats.relevance import _groups


def _population(n, seed):
    rng = np.random.default_rng(seed)
    x = {name: rng.uniform(-1, 1, n) for name in ("trend", "valley", "noise")}
    x["pair"] = rng.integers(2, size=n).astype(float)
    return x, 40 + 2 * x["trend"] + 4 * x["valley"] ** 2 + rng.normal(size=n)


def test_trend_and_valley_are_seen_and_noise_is_not():
    x, errors = _population(200, seed=1)
    result = importance(x | {"constant": np.ones(200)}, errors, repeats=999)
    assert set(list(result)[:2]) == {"trend", "valley"}
    assert result["trend"].spearman > 0.5
    assert abs(result["valley"].spearman) < 0.2
    assert result["valley"].explained_p == 0.001
    assert (
        max(result["trend"].p_holm, result["valley"].p_holm) < 0.05 < min(result["noise"].p_holm, result["pair"].p_holm)
    )
    constant = result["constant"]
    assert (constant.spearman, constant.explained, constant.bins, constant.p_holm) == (0, 0, 1, 1)


def test_spearman_is_scipy_and_explained_is_the_analysis_of_variance(regnetx_errors, regnetx_depths):
    result = importance({"depth": regnetx_depths}, regnetx_errors)["depth"]
    expected = stats.spearmanr(regnetx_depths, regnetx_errors)
    assert result.spearman == pytest.approx(expected.statistic)
    assert result.spearman_p == pytest.approx(expected.pvalue, abs=0.002)
    groups, ranks = _groups(regnetx_depths, 4), stats.rankdata(regnetx_errors)
    f = stats.f_oneway(*[ranks[groups == g] for g in range(4)]).statistic
    assert result.explained == pytest.approx(3 * f / (3 * f + 28))
    kruskal = stats.kruskal(*[regnetx_errors[groups == g] for g in range(4)])
    assert result.explained == pytest.approx(kruskal.statistic / 31)
    assert result.explained_p == pytest.approx(kruskal.pvalue, abs=0.01)
    assert result.by_chance == pytest.approx(3 / 31)


def test_explained_by_chance_is_what_useless_parameters_get():
    rng = np.random.default_rng(1)
    result = importance({str(i): rng.normal(size=40) for i in range(400)}, rng.normal(size=40), repeats=99)
    assert np.mean([r.explained for r in result.values()]) == pytest.approx(3 / 39, abs=0.01)


def test_false_positives_are_rare_over_a_whole_family():
    rng = np.random.default_rng(2)
    found = 0
    for seed in range(150):
        x = {str(i): rng.normal(size=30) for i in range(6)}
        found += min(r.p_holm for r in importance(x, rng.normal(size=30), repeats=499, seed=seed).values()) <= 0.05
    assert found <= 0.10 * 150


@pytest.mark.parametrize(("n", "failing"), [(10, 0.0), (16, 0.8), (48, 0.2)])
def test_failures_ties_and_rare_values_are_no_finding(n, failing):
    rng = np.random.default_rng(3)
    simulations, found = 150, 0
    for seed in range(simulations):
        x = {
            "even": rng.uniform(size=n),
            "three": rng.integers(3, size=n),
            "rare": rng.uniform(size=n) < 0.15,
            "depth": rng.integers(1, 20, size=n),
        }
        errors = np.where(rng.random(n) < failing, 100.0, rng.normal(40, 3, n).round(1))
        found += min(r.p_holm for r in importance(x, errors, repeats=299, seed=seed).values()) <= 0.05
    assert found <= 0.10 * simulations


def test_a_valley_is_seen_through_failures():
    rng, found = np.random.default_rng(4), 0
    for seed in range(30):
        x = rng.uniform(-1, 1, 200)
        errors = np.where(rng.random(200) < 0.2, 100.0, 40 + 6 * x**2 + rng.normal(0, 3, 200))
        found += importance({"x": x}, errors, repeats=199, seed=seed)["x"].explained_p <= 0.05
    assert found > 22  # on errors instead of ranks: about 2


def test_many_networks_are_tested_without_shuffles(monkeypatch):
    x, errors = _population(400, seed=5)
    shuffled = importance(x | {"constant": np.ones(400)}, errors, repeats=2999)
    monkeypatch.setattr("netwright.stats.relevance._MANY", 300)
    direct = importance(x | {"constant": np.ones(400)}, errors, repeats=2999)
    for name, relevance in shuffled.items():
        assert direct[name].explained == relevance.explained
        assert direct[name].explained_p == pytest.approx(relevance.explained_p, abs=0.03)
        assert direct[name].spearman_p == pytest.approx(relevance.spearman_p, abs=0.03)


def test_the_order_of_rows_changes_nothing():
    x, errors = _population(30, seed=6)
    turned = {name: np.roll(values, 7) for name, values in x.items()}
    expected = importance(x, errors, repeats=99)
    found = importance(turned, np.roll(errors, 7), repeats=99)
    assert {name: r.p_value for name, r in found.items()} == {name: r.p_value for name, r in expected.items()}


def test_groups_are_values_if_few_and_quantiles_if_many():
    assert _groups(np.array([4.0, 1, 1, 2]), 4).tolist() == [2, 0, 0, 1]
    assert np.bincount(_groups(np.arange(100.0), 4)).tolist() == [25, 25, 25, 25]
    skewed = np.concatenate([np.zeros(90), np.arange(10.0)])
    assert np.bincount(_groups(skewed, 4)).min() > 0


def test_constant_errors_are_explained_by_nothing():
    result = importance({"x": np.arange(12)}, np.full(12, 40.0), repeats=9)["x"]
    assert (result.spearman, result.explained, result.p_value) == (0, 0, 1)


def test_same_seed_same_result():
    x, errors = _population(30, seed=3)
    assert importance(x, errors, repeats=99, seed=1) == importance(x, errors, repeats=99, seed=1)


def test_what_cannot_be_is_refused():
    errors = np.arange(12.0)
    with pytest.raises(StatsError, match="mapping is empty"):
        importance({}, errors)
    with pytest.raises(StatsError, match="'block' must be numbers"):
        importance({"block": ["x"] * 12}, errors)
    with pytest.raises(StatsError, match="bins"):
        importance({"x": errors}, errors, bins=1)
    with pytest.raises(StatsError, match="at least 10"):
        importance({"x": errors[:9]}, errors[:9])


def test_words_without_an_order_are_tested_by_their_groups_only():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 8, 200)
    errors = rng.normal(40, 1, 200) - 3 * (codes == 4)
    word = importance({"word": codes}, errors, categories=["word"])["word"]
    assert word.bins == 8
    assert (word.spearman, word.spearman_p) == (0.0, 1.0)
    assert word.p_value == word.explained_p == 1e-4
    shuffled = importance({"word": (codes * 3) % 8}, errors, categories=["word"])["word"]
    assert shuffled.explained == pytest.approx(word.explained)
