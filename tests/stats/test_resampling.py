from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.errors import StatsError
from netwright.stats import GoodRange, bootstrap
from netwright.stats.resampling import _exact, _simulated


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.integers(1, 4))
def test_exact_chances_are_those_of_all_draws(errors, draws):
    errors = np.array(errors, dtype=float)
    kept = np.zeros(errors.size)
    for pairs in product(range(errors.size), repeat=draws):
        kept[min(pairs, key=lambda i: errors[i])] += 1  # the first drawn of the lowest
    np.testing.assert_allclose(_exact(errors, draws), kept / errors.size**draws, atol=1e-12)


def test_simulated_shares_approach_the_exact_chances(regnetx_errors):
    errors = np.round(regnetx_errors)  # with many ties
    np.testing.assert_allclose(_simulated(errors, 8, 50_000, seed=0), _exact(errors, 8), atol=0.008)


@pytest.mark.parametrize("seed", range(5))
def test_paper_bootstrap_agrees_with_the_exact_one(seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=200)
    errors = 40 + 30 * (x - 0.3) ** 2 + rng.normal(0, 0.5, 200)
    simulated, exact = bootstrap(x, errors, seed=seed, method="draws"), bootstrap(x, errors)
    ranks = np.sort(x)
    for name, tolerance in (("low", 0.015), ("best", 0.03), ("high", 0.015)):
        # the share of winners between the two answers
        place = np.sort(np.searchsorted(ranks, [getattr(simulated, name), getattr(exact, name)]))
        between = _exact(errors, 50)[np.argsort(x)][place[0] + 1 : place[1]]
        assert between.sum() < tolerance
    assert simulated.low <= 0.3 <= simulated.high


def test_golden_depths(regnetx_errors, regnetx_depths):
    expected = GoodRange(12, 16, 18)
    assert bootstrap(regnetx_depths, regnetx_errors) == expected
    assert bootstrap(regnetx_depths, regnetx_errors, method="draws") == expected


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=30), st.randoms())
def test_neither_seed_nor_order_of_rows_changes_a_range(rows, random):
    x, errors = np.array(rows, dtype=float).T
    errors[errors == 4] = 100.0  # failed
    turned = list(rows)
    random.shuffle(turned)
    x_turned, errors_turned = np.array(turned, dtype=float).T
    errors_turned[errors_turned == 4] = 100.0
    expected = bootstrap({"x": x, "square": x**2}, errors)
    assert bootstrap({"x": x_turned, "square": x_turned**2}, errors_turned, seed=7) == expected


def test_failed_networks_make_no_good_range():
    x = np.concatenate([np.linspace(1, 2, 30), np.linspace(8, 9, 70)])
    errors = np.concatenate([40 + np.linspace(0, 5, 30), np.full(70, 100.0)])
    good = bootstrap(x, errors)
    assert 1 <= good.low <= good.best <= good.high <= 2
    # nearly all failed: what is kept of equal errors is kept evenly
    assert bootstrap(np.arange(1000.0), np.full(1000, 100.0)) == GoodRange(24, 499, 974)


def test_mapping_serves_all_parameters_by_the_same_draws(regnetx_errors, regnetx_depths):
    options = {"seed": 3, "method": "draws"}
    ranges = bootstrap({"depth": regnetx_depths, "twice": 2 * regnetx_depths}, regnetx_errors, **options)
    assert list(ranges) == ["depth", "twice"]
    assert ranges["depth"] == bootstrap(regnetx_depths, regnetx_errors, **options)
    assert ranges["twice"].best == 2 * ranges["depth"].best


def test_extremes():
    assert bootstrap([7.0], [40.0]) == GoodRange(7, 7, 7)
    # one draw keeps any pair: the good range is the middle 95% of all
    x = np.arange(1000.0)
    assert bootstrap(x, x, fraction=0.001) == GoodRange(24, 499, 974)


def test_result_does_not_depend_on_the_chunks(regnetx_errors, regnetx_depths, monkeypatch):
    whole = bootstrap(regnetx_depths, regnetx_errors, repeats=500, method="draws")
    monkeypatch.setattr("netwright.stats.resampling._CHUNK", 100)
    assert bootstrap(regnetx_depths, regnetx_errors, repeats=500, method="draws") == whole


@pytest.mark.parametrize(
    ("x", "options"),
    [
        (["x", "y"], {}),
        ([1.0], {}),
        ([1.0, np.nan], {}),
        ([[1.0, 2.0], [3.0, 4.0]], {}),
        ({}, {}),
        ([1.0, 2.0], {"fraction": 0}),
        ([1.0, 2.0], {"fraction": 25}),
        ([1.0, 2.0], {"repeats": 0}),
        ([1.0, 2.0], {"confidence": 95}),
        ([1.0, 2.0], {"method": "bayes"}),
    ],
)
def test_what_cannot_be_is_refused(x, options):
    with pytest.raises(StatsError):
        bootstrap(x, [30.0, 40.0], **options)


def test_text_is_refused_by_the_name_of_its_parameter():
    with pytest.raises(StatsError, match=r"'block' must be numbers.*encode categories"):
        bootstrap({"block": ["x", "y"]}, [30.0, 40.0])
