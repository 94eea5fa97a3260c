from typing import Any

import numpy as np
import pandas as pd
import pytest

import netwright
from netwright.analysis.refine import advise, draw_refined
from netwright.errors import SpaceError
from netwright.space import draw

SPACE = netwright.load_space("regnetx").refine(num_stages=4)


def population(space: Any, n: int, error: Any, seed: int = 0, failed: int = 0) -> pd.DataFrame:
    """n networks, and `failed` more; error: of the parameters (a mapping of arrays)."""
    columns = netwright.sample(space, n + failed, seed).parameters
    frame = pd.DataFrame({name: np.asarray(values, float) for name, values in columns.items()})
    frame["error"] = error(frame)
    frame["state"] = ["done"] * n + ["failed"] * failed
    frame.loc[frame["state"] == "failed", "error"] = np.nan
    return frame


def deep_is_good(frame: pd.DataFrame) -> pd.Series:
    return 50 - frame["depth"] / 2 + np.random.default_rng(0).normal(0, 0.5, len(frame))


def test_a_parameter_that_matters_is_narrowed_to_where_it_is_good() -> None:
    advice = advise(SPACE, population(SPACE, 60, deep_is_good))
    low, high = advice.space.distributions["depth"].bounds
    assert low > 35
    assert high <= 64
    assert advice.space.name == "regnetx_refined"
    assert next(iter(advice.relevance)) == "depth"
    line = next(line for line in advice.decisions if line.startswith("depth:"))
    assert "clear evidence" in line
    assert f"narrowed to {low:.0f} to {high:.0f}" in line


def test_weak_evidence_is_called_weak() -> None:
    advice = advise(SPACE, population(SPACE, 20, lambda frame: np.random.default_rng(1).normal(50, 1, len(frame))))
    assert all("weak evidence" in line or "some evidence" in line for line in advice.decisions)


def test_what_the_limits_keep_out_is_no_merit_of_the_refinement() -> None:
    space = SPACE.refine(flops=(1e9, 1.1e9))
    frame = population(space, 40, deep_is_good)
    line = next(line for line in advise(space, frame).decisions if line.startswith("w0:"))
    assert f"({frame['w0'].min():.0f} to {frame['w0'].max():.0f} were drawn within the limits)" in line


def test_failed_trials_say_nothing() -> None:
    done = population(SPACE, 30, deep_is_good, failed=10)
    assert advise(SPACE, done) == advise(SPACE, done[done["state"] == "done"])


@pytest.mark.parametrize("n", [1, 9])
def test_few_networks_conclude_nothing(n: int) -> None:
    advice = advise(SPACE, population(SPACE, n, deep_is_good))
    assert advice.decisions == (f"Nothing was narrowed: {n} networks were trained, and at least 10 are needed.",)
    assert (advice.space.name, advice.space.distributions) == ("regnetx_again", SPACE.distributions)
    assert not advice.good_ranges


def test_parameters_of_one_value_conclude_nothing() -> None:
    space = netwright.load_space("anynetx_a").refine(bottleneck=1, group_width=8)
    frame = population(space, 12, lambda frame: np.arange(len(frame), dtype=float))
    frame = frame[["bottleneck_1", "group_width_1", "error", "state"]]
    assert "no parameter has more than one value" in advise(space, frame).decisions[0]


def test_the_same_seed_gives_the_same_advice() -> None:
    frame = population(SPACE, 30, deep_is_good)
    assert advise(SPACE, frame, seed=3) == advise(SPACE, frame, seed=3)


@pytest.mark.slow
def test_every_spaces_advice_can_be_sampled() -> None:
    for name in netwright.space_names():
        space = netwright.load_space(name)
        frame = population(space, 24, lambda frame: frame.sum(axis=1) % 17)
        earlier = draw(space, 24, 0)
        advice, fresh = draw_refined(advise(space, frame), space, 6, 1, earlier)
        assert advice.space.size() <= space.size()
        for column, distribution in advice.space.distributions.items():
            low, high = distribution.bounds
            assert np.all((fresh.batch.parameters[column] >= low) & (fresh.batch.parameters[column] <= high))


def test_the_fresh_sample_has_no_network_of_the_earlier_one() -> None:
    earlier = draw(SPACE, 60, 0)
    _, fresh = draw_refined(advise(SPACE, population(SPACE, 60, deep_is_good)), SPACE, 20, 0, earlier)
    old = {tuple(arch.stages) for arch in earlier.batch}
    assert not old & {tuple(arch.stages) for arch in fresh.batch}


def test_where_the_refined_space_is_too_small_the_least_relevant_ranges_are_given_back() -> None:
    space = netwright.load_space("anynetx_a").refine(bottleneck=1, group_width=8, width=(8, 64), tie=["width", "depth"])
    assert space.size() == 8 * 16
    frame = population(space, 40, lambda frame: frame["depth"] * 5 + frame["width"] / 100)
    advice, fresh = draw_refined(advise(space, frame), space, 40, 1, draw(space, 40, 0))
    assert len(fresh.batch) == 40
    given_back = [line for line in advice.decisions if "got its old range back" in line]
    assert given_back
    assert given_back[0].startswith("width")


def test_a_space_without_room_is_refused() -> None:
    space = netwright.load_space("anynetx_a").refine(bottleneck=1, group_width=8, width=(8, 64), tie=["width", "depth"])
    frame = population(space, 40, lambda frame: frame["depth"] * 5)
    with pytest.raises(SpaceError, match="no room to confirm a refinement: "):
        draw_refined(advise(space, frame), space, 100, 1, draw(space, 40, 0))
