from itertools import combinations

import numpy as np
import pytest

from netwright.errors import StatsError
from netwright.stats import fanova


def drawn(n, d, seed=0):
    """Parameters, uniform from -1 to 1."""
    return {f"x{i + 1}": x for i, x in enumerate(np.random.default_rng(seed).uniform(-1, 1, (d, n)))}


def share(found, *names):
    return next(each for each in (*found.mains, *found.pairs) if set(each.parameters) == set(names))


@pytest.mark.slow
def test_ishigami():
    """Its shares are known: x1 0.314, x2 0.442, x1 and x3 0.244, all else 0."""
    x = {name: np.pi * values for name, values in drawn(300, 4).items()}
    y = np.sin(x["x1"]) + 7 * np.sin(x["x2"]) ** 2 + 0.1 * x["x3"] ** 4 * np.sin(x["x1"])
    found = fanova(x, y, repeats=39)
    assert share(found, "x1").share == pytest.approx(0.314, abs=0.15)
    assert share(found, "x2").share == pytest.approx(0.442, abs=0.15)
    assert share(found, "x1", "x3").share == pytest.approx(0.244, abs=0.15)
    assert {each.parameters for each in found.shown()} >= {("x1",), ("x2",), ("x1", "x3")}
    assert ("x1", "x2") not in {each.parameters for each in found.shown()}  # a forest of sums has a share here
    assert found.predicted > 0.6
    total = sum(each.share for each in (*found.mains, *found.pairs)) + found.rest
    assert total == pytest.approx(1.0)


@pytest.mark.slow
def test_a_sum_has_no_interaction():
    """Shares of its parameters 0.8 and 0.2; what the forest makes of steps is by chance too."""
    claimed = 0
    for seed in range(2):
        x = drawn(80, 3, seed)
        y = 2 * x["x1"] + x["x2"] + np.random.default_rng([seed, 1]).normal(0, 0.3, 80)
        found = fanova(x, y, repeats=39, seed=seed)
        claimed += any(len(each.parameters) == 2 for each in found.shown())
        assert share(found, "x1").p_value < 0.05
        assert share(found, "x1").share > 0.6
    assert claimed == 0


@pytest.mark.slow
def test_what_two_explain_only_together():
    x = drawn(300, 4)
    found = fanova(x, x["x1"] * x["x2"], repeats=39)
    pair = share(found, "x1", "x2")
    assert pair.share > 0.6
    assert pair.p_value == pytest.approx(1 / 40)
    assert found.pairs[0] is pair
    assert pair.interval[0] > pair.by_chance


@pytest.mark.slow
def test_noise_claims_nothing_though_its_shares_add_up_to_one():
    claimed = 0
    for seed in range(4):
        noise = np.random.default_rng([seed, 1]).standard_normal(40)
        found = fanova(drawn(40, 4, seed), noise, repeats=39, seed=seed)
        claimed += bool(found.shown() and found.predicted > 0)
        assert sum(each.share for each in (*found.mains, *found.pairs)) + found.rest == pytest.approx(1.0)
    assert claimed <= 1


@pytest.mark.slow
def test_one_parameter_words_and_a_seed():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 4, 60).astype(float)
    y = np.array([0.0, 3.0, 0.0, 3.0])[words.astype(int)] + rng.normal(0, 0.5, 60)
    found = fanova({"words": words}, y, categories=["words"], repeats=39)
    assert found.pairs == ()
    assert found.mains[0].share == pytest.approx(1.0)
    assert found.mains[0].p_value == pytest.approx(1 / 40)
    quick = fanova({"words": words}, y, categories=["words"], repeats=1)
    assert fanova({"words": words, "constant": np.ones(60)}, y, categories=["words"], repeats=1) == quick
    assert fanova({"words": words}, y, repeats=1, seed=1).predicted != quick.predicted


@pytest.mark.slow
def test_optuna_finds_about_the_same():
    """Optuna's evaluator decomposes each tree by itself, over the whole ranges, and has no pairs.

    True shares are 0.81, 0.10 and 0.09. A forest gives strong effects too much of them, both of them here.
    """
    optuna = pytest.importorskip("optuna")
    x = drawn(200, 4)
    y = 3 * x["x1"] + 2 * x["x2"] ** 2 + x["x3"]
    study = optuna.create_study()
    distributions = {name: optuna.distributions.FloatDistribution(-1, 1) for name in x}
    study.add_trials(
        [
            optuna.trial.create_trial(params=dict(zip(x, row, strict=True)), distributions=distributions, value=value)
            for *row, value in zip(*(values.tolist() for values in x.values()), y.tolist(), strict=True)
        ]
    )
    theirs = optuna.importance.FanovaImportanceEvaluator(seed=0).evaluate(study)
    ours = fanova(x, y, repeats=1)
    mains = sum(each.share for each in ours.mains)
    for name in x:
        assert share(ours, name).share / mains == pytest.approx(theirs[name], abs=0.12)
    assert max(theirs, key=theirs.get) == "x1"
    assert min(theirs, key=theirs.get) == "x4"
    assert min(ours.mains, key=lambda each: each.share).parameters == ("x4",)
    assert len(ours.pairs) == len(list(combinations(x, 2)))


@pytest.mark.parametrize(
    ("parameters", "errors", "says"),
    [
        ({"x": np.arange(31)}, np.arange(31), "at least 32"),
        ({"x": np.ones(40)}, np.arange(40), "every parameter is constant"),
        ({"x": np.arange(40)}, np.ones(40), "every error is constant"),
        ({}, np.arange(40), "every parameter is constant"),
        ({"x": np.arange(39)}, np.arange(40), "must pair"),
    ],
)
def test_what_cannot_be_decomposed_is_explained(parameters, errors, says):
    with pytest.raises(StatsError, match=says):
        fanova(parameters, errors)
