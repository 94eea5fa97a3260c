import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from netwright.errors import SpaceError
from netwright.space import Choice, Distribution, LogUniform, PowersOfTwo, Uniform, distribution_from_dict

LISTED = [
    Uniform(1, 64, 1),
    Uniform(-0.3, 0.5, 0.1),
    Uniform(8, 8, 8),
    LogUniform(1, 16, 1),
    LogUniform(8, 1024, 8),
    LogUniform(24, 256, 8),
    LogUniform(0.1, 2, 0.1),
    LogUniform(1.5, 3.0, points=64),
    PowersOfTwo(1, 32),
    PowersOfTwo(0.25, 4),
    Choice((4, 1, 2)),
    Choice((4, 1, 2), (1, 6, 3)),
]
CONTINUOUS = [(Uniform(-2, 5), stats.uniform(-2, 7)), (LogUniform(0.5, 32), stats.loguniform(0.5, 32))]


@pytest.mark.parametrize("distribution", LISTED, ids=repr)
def test_values_are_drawn_as_often_as_they_say(distribution: Distribution) -> None:
    listed = distribution.levels()
    assert listed is not None
    values, probabilities = listed
    assert (np.diff(values) > 0).all()
    assert probabilities.sum() == pytest.approx(1)
    assert distribution.bounds == (values[0], values[-1])
    drawn = distribution.draw(np.random.default_rng(0), 50_000)
    seen, counts = np.unique(drawn, return_counts=True)
    assert np.isin(seen, values).all()
    expected = 50_000 * probabilities
    found = np.zeros(len(values))
    found[np.searchsorted(values, seen)] = counts
    assert len(values) == 1 or stats.chisquare(found, expected).pvalue > 1e-4


@pytest.mark.parametrize(("distribution", "expected"), CONTINUOUS, ids=["uniform", "log_uniform"])
def test_real_numbers_follow_their_distribution(distribution: Distribution, expected: Any) -> None:
    assert distribution.levels() is None
    assert stats.kstest(distribution.draw(np.random.default_rng(0), 20_000), expected.cdf).pvalue > 1e-3
    low, high = 1.0, 3.0
    within = (expected.cdf(high) - expected.cdf(low), expected.cdf(low))
    narrow = distribution.narrow(low, high).draw(np.random.default_rng(1), 20_000)
    assert stats.kstest(narrow, lambda x: (expected.cdf(x) - within[1]) / within[0]).pvalue > 1e-3


def test_log_uniform_weights_by_hand() -> None:
    # v stands for (v - 1, v], and 1 for (1/2, 1]: log 2, log 2, log 3/2, log 4/3 of log 8
    values, probabilities = LogUniform(1, 4, 1).levels() or ([], [])
    assert list(values) == [1, 2, 3, 4]
    assert probabilities == pytest.approx(np.log([2, 2, 3 / 2, 4 / 3]) / math.log(8))


def test_values_of_a_quantum_are_exact() -> None:
    assert list((Uniform(0.1, 0.7, 0.1).levels() or ([],))[0]) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert list((Uniform(0, 3e10, 1e10).levels() or ([],))[0]) == [0, 1e10, 2e10, 3e10]


@pytest.mark.parametrize("distribution", LISTED, ids=repr)
def test_narrowing_conditions(distribution: Distribution) -> None:
    values, probabilities = distribution.levels() or (np.zeros(0), np.zeros(0))
    low, high = values[len(values) // 4], values[len(values) // 2]
    kept = (values >= low) & (values <= high)
    narrow = distribution.narrow(float(low), float(high)).levels()
    assert narrow is not None
    assert narrow[0] == pytest.approx(values[kept], rel=1e-12)
    assert narrow[1] == pytest.approx(probabilities[kept] / probabilities[kept].sum())
    # to more than it holds: the same again
    whole = distribution.narrow(-math.inf, math.inf).levels()
    assert whole is not None
    assert whole[0] == pytest.approx(values, rel=1e-12)
    with pytest.raises(SpaceError, match="Give a range that overlaps it"):
        distribution.narrow(2000, 3000)


def test_narrowing_between_two_values_leaves_nothing() -> None:
    for distribution in (Uniform(8, 64, 8), LogUniform(8, 64, 8), PowersOfTwo(8, 64), Choice((8, 64))):
        with pytest.raises(SpaceError):
            distribution.narrow(17, 23)
    assert LogUniform(1, 16, points=5).narrow(3, 5) == Choice((4.0,))


DISTRIBUTIONS = st.one_of(
    st.builds(
        lambda low, n, q: Uniform(low * q, (low + n) * q, q), st.integers(-9, 9), st.integers(0, 30), st.integers(1, 9)
    ),
    st.builds(
        lambda low, n, q: LogUniform(low * q, (low + n) * q, q),
        st.integers(1, 9),
        st.integers(0, 30),
        st.integers(1, 9),
    ),
    st.builds(lambda low, n: LogUniform(low, 3 * low, points=n), st.floats(0.1, 9), st.integers(2, 40)),
    st.builds(lambda low, n: PowersOfTwo(2.0**low, 2.0 ** (low + n)), st.integers(-3, 6), st.integers(0, 5)),
    st.lists(st.integers(-5, 99), min_size=1, max_size=6, unique=True).map(lambda values: Choice(tuple(values))),
    st.builds(lambda low, d: Uniform(low, low + d), st.floats(-9, 9), st.floats(0, 9)),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(DISTRIBUTIONS, st.floats(-20, 100), st.floats(0, 60))
def test_distributions_are_read_back_and_only_narrow(distribution: Distribution, low: float, length: float) -> None:
    assert distribution_from_dict(distribution.to_dict()) == distribution
    assert distribution.is_logarithmic == isinstance(distribution, LogUniform | PowersOfTwo)
    drawn = distribution.draw(np.random.default_rng(0), 20)
    assert drawn.min() >= distribution.bounds[0] - 1e-9
    assert drawn.max() <= distribution.bounds[1] + 1e-9
    try:
        narrow = distribution.narrow(low, low + length)
    except SpaceError:
        listed = distribution.levels()
        if listed is None:
            assert low > distribution.bounds[1] or low + length < distribution.bounds[0]
        else:
            assert not ((listed[0] >= low) & (listed[0] <= low + length)).any()
        return
    assert narrow.bounds[0] >= min(distribution.bounds[0], low) - 1e-6
    assert narrow.bounds[1] <= max(distribution.bounds[1], low + length) + 1e-6
    whole, part = distribution.levels(), narrow.levels()
    if whole is not None and part is not None:
        assert len(part[0]) <= len(whole[0])
        assert np.abs(part[0][:, None] - whole[0][None, :]).min(axis=1) == pytest.approx(0, abs=1e-9)


def test_short_forms() -> None:
    assert distribution_from_dict(4) == Choice((4,))
    assert distribution_from_dict([1, 2, 4]) == Choice((1, 2, 4))
    assert distribution_from_dict({"choice": [1, 2], "weights": [3, 1]}) == Choice((1, 2), (3, 1))
    assert distribution_from_dict({"log_uniform": [8, 64], "quantum": 8}) == LogUniform(8, 64, 8)


WRONG: list[Any] = [
    None,
    True,
    "8",
    [],
    [1, 1],
    [1, None],
    [1, [2]],
    [1, "2"],
    [float("nan")],
    {},
    {"uniform": [1, 2], "choice": [1]},
    {"gauss": [0, 1]},
    {"uniform": 5},
    {"uniform": [1]},
    {"uniform": [2, 1]},
    {"uniform": [1, "2"]},
    {"uniform": [1, float("inf")]},
    {"uniform": [1, 2], "points": 3},
    {"uniform": [1, 10], "quantum": 4},
    {"uniform": [1, 2], "quantum": 0},
    {"uniform": [1, 2], "quantum": "1"},
    {"uniform": [1, 2], "quantum": float("nan")},
    {"uniform": [1, 2], "quantum": float("inf")},
    {"uniform": [0, 10_000_000_000], "quantum": 1},
    {"log_uniform": [0, 8]},
    {"log_uniform": [1, 8], "quantum": 1, "points": 3},
    {"log_uniform": [1, 8], "points": 1},
    {"log_uniform": [1, 8], "points": 2.5},
    {"log_uniform": [8, 8], "points": 2},
    {"powers_of_two": [1, 12]},
    {"powers_of_two": [-2, 4]},
    {"choice": 5},
    {"choice": [1, 2], "weights": [1]},
    {"choice": [1, 2], "weights": [0, 0]},
    {"choice": [1, 2], "weights": [2, -1]},
    {"choice": [1, 2], "weights": [1, float("nan")]},
    {"choice": [1, 2], "weights": "ab"},
]


@pytest.mark.parametrize("plain", WRONG, ids=repr)
def test_what_is_no_distribution_is_refused_with_a_cure(plain: Any) -> None:
    with pytest.raises(SpaceError, match=r"\S\.? .*\S\. \w|For example"):
        distribution_from_dict(plain)
