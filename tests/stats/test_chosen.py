"""The error of a network that was chosen by its error."""

import numpy as np
import pytest

from netwright.errors import StatsError
from netwright.stats.chosen import chosen_error
from netwright.stats.holm import holm


def test_of_equal_networks_the_best_is_no_better_than_they_are():
    rng = np.random.default_rng(0)
    found = [chosen_error(list(rng.random((8, 300)) < 0.2), repeats=99, seed=k) for k in range(40)]
    assert np.mean([each.apparent for each in found]) < 17.5  # what choosing makes of 20%
    assert np.mean([each.expected for each in found]) == pytest.approx(20, abs=0.7)
    assert all(each.interval[0] <= each.expected <= each.interval[1] for each in found)


def test_of_one_network_nothing_was_chosen():
    wrong = np.arange(200) % 4 == 0
    found = chosen_error([wrong])
    assert (found.chosen, found.apparent, found.networks, found.images) == (0, 25.0, 1, 200)
    assert abs(found.optimism) < 0.5


def test_of_several_seeds_the_mean_counts():
    good, bad = np.zeros((2, 50)), np.ones((2, 50))
    half = np.stack([np.zeros(50), np.ones(50)])
    assert chosen_error([bad, half, good], repeats=9).chosen == 2
    assert chosen_error([bad, half], repeats=9).apparent == 50.0


@pytest.mark.parametrize("wrong", [[], [np.zeros(9)], [np.zeros(20), np.zeros(21)]])
def test_what_cannot_be_judged_is_refused(wrong):
    with pytest.raises(StatsError):
        chosen_error(wrong)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).size == 0
