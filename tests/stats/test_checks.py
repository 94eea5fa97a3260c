import numpy as np
import pandas as pd
import pytest

from netwright.errors import StatsError
from netwright.stats import bootstrap, edf, efficiency, importance, ks, pareto, permutation_test
from netwright.stats.checks import check_columns, check_sample

READERS = {
    "edf": edf,
    "ks": lambda errors: ks(errors, [1.0]),
    "permutation_test": lambda errors: permutation_test([1.0], errors, repeats=9),
    "bootstrap": lambda errors: bootstrap(np.arange(len(errors)), errors),
    "efficiency": efficiency,
    "pareto": lambda errors: pareto(np.arange(len(errors)), errors),
    "importance": lambda errors: importance({"x": np.arange(len(errors))}, errors, repeats=9),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "errors",
    [[], [30.0] * 10 + [np.nan], [30.0] * 10 + [np.inf], [[30.0, 40.0]] * 10, ["a"] * 10, ["30.0"] * 10, [None] * 10],
    ids=["empty", "nan", "infinite", "2-D", "text", "numbers as text", "missing"],
)
def test_every_statistic_refuses_what_is_no_sample(name, errors):
    with pytest.raises(StatsError):
        READERS[name](errors)


def test_message_says_law_values_and_cure():
    with pytest.raises(StatsError, match=r"errors must be finite: 2 of 4 .* first in row 1\. Drop the failed trials"):
        check_sample([1.0, np.nan, 2.0, np.inf])


def test_length_and_minimum_are_checked():
    with pytest.raises(StatsError, match="3 values against 2"):
        check_sample([1, 2, 3], length=2)
    with pytest.raises(StatsError, match="at least 5"):
        check_sample([1, 2, 3], minimum=5)


def test_ragged_rows_are_refused():
    with pytest.raises(StatsError, match="plain array"):
        check_sample([[1.0], [1.0, 2.0]])


def test_series_integers_and_boxed_numbers_are_read():
    for values in (pd.Series([1, 2]), np.array([1, 2]), np.array([1, 2.0], dtype=object), (True, 2)):
        np.testing.assert_array_equal(check_sample(values), [1.0, 2.0])


def test_sample_is_a_copy():
    values = np.array([1.0, 2.0])
    check_sample(values)[0] = 9
    assert values[0] == 1


def test_columns_take_one_or_more_and_check_rows():
    assert check_columns([1, 2], "cost", length=2).shape == (2, 1)
    assert check_columns([[1, 2], [3, 4]], "cost", length=2).shape == (2, 2)
    for bad in ([1, 2, 3], [[1, 2]], np.zeros((2, 0)), np.zeros((2, 1, 1))):
        with pytest.raises(StatsError, match="one row per network"):
            check_columns(bad, "cost", length=2)
