import numpy as np
import pytest
from numpy.testing import assert_array_equal

from netwright.arch import complexity
from netwright.errors import SpaceError
from netwright.space import draw, load_space
from netwright.space.predicted import PredictedLimit

SPACE = load_space("regnetx").refine(flops=(0, 400e6))


def millions(most: float, cure: str = "") -> PredictedLimit:
    return PredictedLimit("latency", lambda batch: complexity(batch).acts / 1e6, most, "ms", cure)


def test_networks_beyond_a_predicted_limit_are_rejected_and_counted():
    found = draw(SPACE, 40, seed=1, predicted=(millions(2.0),))
    assert (complexity(found.batch).acts <= 2e6).all()
    counts = found.rejection_counts
    assert counts["latency"] > 0
    assert sum(many for name, many in counts.items() if name != "draws") == counts["draws"]


def test_they_are_those_of_the_space_that_are_within_it():
    free = draw(SPACE, 400, seed=1).batch
    within = free[complexity(free).acts <= 2e6]
    found = draw(SPACE, len(within), seed=1, predicted=(millions(2.0),)).batch
    assert_array_equal(found.identity()[:, 1:3], within.identity()[:, 1:3])


@pytest.mark.slow
def test_a_limit_that_no_network_meets_is_explained():
    with pytest.raises(SpaceError, match=r"latency <= 1e-09 ms.*latency predicted was .* ms.*Buy"):
        draw(SPACE, 5, predicted=(millions(1e-9, "Buy a faster machine."),))


def test_without_a_limit_nothing_changes():
    first, second = draw(SPACE, 30, seed=4), draw(SPACE, 30, seed=4, predicted=())
    assert first.rejection_counts == second.rejection_counts
    assert np.array_equal(first.batch.identity(), second.batch.identity())
