"""Whether a rise from stage to stage goes with the error."""

import numpy as np
import pytest

from netwright.analysis.refine import advise
from netwright.analysis.trends import is_ordered, rise, trends
from netwright.space import draw, load_space


def population(space, n, error_of, seed=0):
    """A frame of n networks of the space, all done, with errors from their widths (n, 4) and depths (n, 4)."""
    import pandas as pd

    batch = draw(space, n, seed).batch
    frame = pd.DataFrame({name: np.asarray(values) for name, values in batch.parameters.items()})
    return frame.assign(state="done", error=error_of(batch))


def noise(n, seed=1):
    return np.random.default_rng(seed).normal(0, 3, n)


def test_rise_counts_pairs_of_stages():
    assert rise(np.array([[1, 2, 3, 4], [4, 3, 2, 1], [2, 2, 2, 2], [1, 2, 1, 1]])) == pytest.approx([1, -1, 0, -1 / 6])


def test_widths_that_help_by_rising_are_ordered():
    space = load_space("anynetx_c")
    frame = population(space, 80, lambda batch: 50 - 10 * rise(batch.width.astype(float)) + noise(80))
    found = {trend.parameter: trend for trend in trends(space, frame)}
    assert found["width"].order == "non_decreasing"
    assert found["depth"].order is None


def orders(advice):
    return {parameter.name: parameter.order for parameter in advice.space.parameters}


def test_a_trend_alone_sets_no_order_unless_the_policy_says_so():
    """Three networks of eighty are ordered: of the ordered space next to nothing was seen."""
    space = load_space("anynetx_c")
    frame = population(space, 80, lambda batch: 50 - 10 * rise(batch.width.astype(float)) + noise(80))
    advice = advise(space, frame)
    assert orders(advice)["width"] is None
    assert "widths rise from stage to stage are better" in advice.decisions[0]
    ordered = int(is_ordered(frame[[f"width_{i}" for i in range(1, 5)]].to_numpy(), "non_decreasing").sum())
    assert ordered < 16
    assert f"but {ordered} of 80 networks never fall, and 16 of either kind are needed" in advice.decisions[0]
    assert "no order is set. `order: {width: non_decreasing}` in the file of the space sets it." in advice.decisions[0]
    by_trend = advise(space, frame, policy="relevant+order")
    assert orders(by_trend)["width"] == "non_decreasing"
    assert "they never fall in the refined space" in by_trend.decisions[0]
    assert by_trend.space.size() < advice.space.size()


def test_an_order_is_set_where_ordered_networks_are_better():
    space = load_space("anynetx_c").refine(width=(8, 24))
    frame = population(space, 120, lambda batch: 50 - 10 * rise(batch.width.astype(float)) + noise(120))
    [width] = [trend for trend in trends(space, frame) if trend.parameter == "width"]
    assert min(width.ordered, width.others) >= 16
    assert width.is_confirmed
    advice = advise(space, frame)
    assert orders(advice)["width"] == "non_decreasing"
    assert f"the mean error of the {width.ordered} that never fall is" in advice.decisions[0]


def test_a_trend_whose_ordered_networks_are_no_better_sets_no_order():
    """Rising is good, but for the last step: all that rise to the end are bad."""
    space = load_space("anynetx_c").refine(width=(8, 24))

    def error(batch):
        width = batch.width.astype(float)
        return 50 - 10 * rise(width) + 20 * is_ordered(width, "non_decreasing") + noise(120)

    frame = population(space, 120, error)
    [width] = [trend for trend in trends(space, frame) if trend.parameter == "width" and trend.order]
    assert (width.difference > 0, width.is_confirmed) == (True, False)
    assert orders(advise(space, frame))["width"] is None


def test_what_is_ordered():
    values = np.array([[1, 2, 2, 3], [3, 2, 2, 1], [2, 2, 2, 2], [1, 3, 2, 4]])
    assert is_ordered(values, "non_decreasing").tolist() == [True, False, True, False]
    assert is_ordered(values, "non_increasing").tolist() == [False, True, True, False]


def test_depths_that_help_by_falling_are_ordered_so():
    space = load_space("anynetx_d")
    frame = population(space, 80, lambda batch: 50 + 10 * rise(batch.depth.astype(float)) + noise(80))
    [trend] = trends(space, frame)
    assert (trend.parameter, trend.order) == ("depth", "non_increasing")
    assert "depths fall" in trend.sentence()


@pytest.mark.slow
def test_noise_orders_nothing_more_often_than_it_may():
    space = load_space("anynetx_c")
    ordered = 0
    for seed in range(40):
        frame = population(space, 40, lambda batch, seed=seed: 50 + noise(40, seed), seed=seed)
        ordered += any(trend.order for trend in trends(space, frame, seed=seed))
    assert ordered <= 6  # 5% of 40 is 2; above 6 has a chance of 1 in 300


@pytest.mark.parametrize("name", ["regnetx", "anynetx_e", "anynetx_d_equal_depths"])
def test_what_is_ordered_or_drawn_once_is_not_asked_about(name):
    space = load_space(name)
    frame = population(space, 20, lambda batch: 50 + noise(20))
    assert trends(space, frame) == ()
