"""Two networks on the same images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from netwright.stats.paired import Paired, paired


def test_answers_are_counted_image_by_image() -> None:
    found = paired(np.array([True, True, True, False, False]), np.array([True, False, False, True, False]))
    assert found == Paired(both=1, only_source=2, only_exported=1, neither=1)
    assert (found.images, found.source, found.exported) == (5, 0.6, 0.4)
    assert found.difference == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables (2017), chapter 8
        ((1, 7, 1, 12), -0.517, -0.026),
        # Newcombe, Statistics in Medicine 17 (1998), 2635, has this table
        ((36, 12, 2, 0), -0.345, -0.061),
    ],
)
def test_intervals_are_those_of_books(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    assert Paired(*counts).interval() == pytest.approx((low, high), abs=5e-4)
    both, one, other, neither = counts
    assert Paired(both, other, one, neither).interval() == pytest.approx((-high, -low), abs=5e-4)


def test_no_difference_seen_is_not_no_difference() -> None:
    squared = 1.959963984540054**2
    end = squared / (100 + squared)
    assert Paired(90, 0, 0, 10).interval() == pytest.approx((-end, end), abs=1e-9)
    assert Paired(0, 50, 0, 0).interval() == pytest.approx((-1.0, -0.857), abs=1e-3)


def test_the_interval_has_the_truth_as_often_as_it_says() -> None:
    rng, shares, images = np.random.default_rng(0), (0.5, 0.2, 0.1, 0.2), 100
    ends = [Paired(*map(int, counts)).interval() for counts in rng.multinomial(images, shares, size=300)]
    assert 0.92 <= np.mean([low <= -0.1 <= high for low, high in ends]) <= 0.98


def test_mcnemar_looks_at_differing_answers_only() -> None:
    assert Paired(1000, 8, 2, 50).p_value() == pytest.approx(2 * (1 + 10 + 45) / 2**10)
    assert Paired(3, 8, 2, 9).p_value() == Paired(1000, 2, 8, 50).p_value()
    assert Paired(10, 0, 0, 0).p_value() == 1.0


def test_all_of_it_is_json() -> None:
    plain = json.loads(json.dumps(Paired(90, 4, 2, 4).to_dict()))
    assert (plain["both"], plain["only_source"], plain["only_exported"], plain["neither"]) == (90, 4, 2, 4)
    assert plain["interval_95"][0] < plain["difference"] == -0.02 < plain["interval_95"][1]
    assert plain["mcnemar_p"] == pytest.approx(0.6875)
