"""What a sweep will take, before it starts and while it runs."""

import numpy as np
import pytest

from netwright.stats.bounds import dkw_half_width
from netwright.sweeps.costs import TrialCosts, estimate
from netwright.sweeps.time_budget import TimeBudget


def test_two_probes_make_a_line() -> None:
    costs = TrialCosts.of_probes((1e6, 3e6), (4.0, 8.0))
    assert costs.seconds([0.0, 1e6, 2e6, 3e6]) == pytest.approx([2.0, 4.0, 6.0, 8.0])


@pytest.mark.parametrize("probes", [((1e6, 1e6), (4.0, 4.4)), ((1e6, 2e6), (5.0, 4.0)), ((1e6, 2e6), (1.0, 9.0))])
def test_no_network_takes_less_than_no_time(probes: tuple[tuple[float, float], tuple[float, float]]) -> None:
    costs = TrialCosts.of_probes(*probes)
    assert (costs.seconds(np.linspace(0, 5e6, 20)) >= 0).all()
    assert costs.seconds(probes[0]).max() == pytest.approx(max(probes[1]), rel=0.3)


def test_trials_that_are_done_correct_the_estimate() -> None:
    costs = TrialCosts.of_probes((1e6, 3e6), (4.0, 8.0))
    assert costs.corrected([1e6], [40.0]) == costs
    assert costs.corrected([1e6, 3e6], [8.0, 16.0]).seconds([2e6]) == pytest.approx([12.0])


def test_an_estimate_says_what_less_time_gives_up() -> None:
    costs = TrialCosts(10.0, 0.0)
    found = estimate(costs, [1e6] * 100, workers=2, budget=200.0)
    assert (found.trials, found.seconds, found.fitting) == (100, 500.0, 40)
    assert found.worker_hours == pytest.approx(1000 / 3600)
    assert found.fitting_half_width == dkw_half_width(40, 0.95) > found.half_width == dkw_half_width(100, 0.95)
    assert found.text(200.0) == (
        "100 trials take about 8 minutes (0.28 worker-hours); band within 0.136. In 3 minutes about 40 of them: band "
        "within 0.215"
    )
    assert found.text() == "100 trials take about 8 minutes (0.28 worker-hours); band within 0.136"
    assert estimate(costs, [], workers=2, done=7).half_width == dkw_half_width(7, 0.95)


def test_in_a_budget_trials_begin_in_order_until_one_does_not_fit() -> None:
    clock = [0.0]
    budget = TimeBudget(100.0, TrialCosts(0.0, 1.0), now=lambda: clock[0])
    assert budget.allows(60.0)
    clock[0] = 50.0
    assert not budget.allows(60.0)
    assert budget.is_over
    assert not budget.allows(1.0)  # a short one does not overtake


def test_a_budget_learns_from_trials() -> None:
    clock = [0.0]
    budget = TimeBudget(100.0, TrialCosts(0.0, 1.0), now=lambda: clock[0])
    for _ in range(2):
        budget.done(10.0, 40.0)
    assert budget.allows(20.0)
    assert not budget.allows(30.0)
