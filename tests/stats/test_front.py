import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from netwright.errors import StatsError
from netwright.stats import pareto


@pytest.mark.slow
@settings(deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(2, 4)), elements=st.integers(0, 6).map(float)))
def test_front_is_its_definition(points):
    no_worse = (points[:, np.newaxis] <= points).all(axis=2)
    better = (points[:, np.newaxis] < points).any(axis=2)
    expected = ~(no_worse & better).any(axis=0)
    np.testing.assert_array_equal(pareto(points[:, :-1], points[:, -1]), expected)


def test_ties():
    #       best  equal to it  same cost, worse  cheaper  dearer, no better
    cost = [2.0, 2.0, 2.0, 1.0, 3.0]
    errors = [30.0, 30.0, 31.0, 40.0, 30.0]
    assert pareto(cost, errors).tolist() == [True, True, False, True, False]


def test_all_on_the_front_and_one():
    x = np.arange(500.0)
    assert pareto(x, -x).all()
    assert pareto(x, x).sum() == 1
    assert pareto([5.0], [40.0]).tolist() == [True]


def test_unmeasured_costs_are_refused():
    with pytest.raises(StatsError, match="cost must be finite"):
        pareto([1.0, np.nan], [30.0, 40.0])
    with pytest.raises(StatsError, match="one row per network"):
        pareto([1.0], [30.0, 40.0])
