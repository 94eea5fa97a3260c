from typing import Any

import numpy as np
import pandas as pd
import pytest

import netwright
from netwright.analysis.refine import advise, draw_refined
from netwright.errors import SpaceError, StatsError
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


def test_what_chance_gives_is_a_hint_and_no_evidence() -> None:
    """Of six parameters that do nothing, one has p < 0.05 in a quarter of populations, p < 0.2 in three quarters."""
    frame = population(SPACE, 40, lambda frame: np.random.default_rng(1).normal(50, 1, len(frame)))
    advice = advise(SPACE, frame, policy="all")
    for found in advice.findings:
        p = found.relevance.p_value
        reason = (
            "a hint that it matters, as chance gives of 1 parameter in 5" if p < 0.2 else "no evidence that it matters"
        )
        reason = "clear evidence that it matters" if found.relevance.p_holm < 0.05 else reason
        assert found.reason in (reason, "the good range is all that was drawn")
        assert f"({found.reason}: p = {p:.3g})" in found.sentence()
    assert any("no evidence" in line for line in advice.decisions)


def test_by_default_only_what_matters_is_narrowed() -> None:
    advice = advise(SPACE, population(SPACE, 60, deep_is_good))
    narrowed = {each.parameter for each in advice.findings if each.proposed is not None}
    assert "depth" in narrowed
    assert narrowed == {
        column for column in SPACE.columns if advice.space.distributions[column] != SPACE.distributions[column]
    }
    assert all(each.relevance.p_value < 0.2 for each in advice.findings if each.parameter in narrowed)
    assert "Not narrowed by the policy 'relevant' (a parameter is narrowed where p < 0.2)" in advice.decisions[-1]


def test_policies_ask_for_more_or_less_evidence() -> None:
    frame = population(SPACE, 60, deep_is_good)
    counts = {
        policy: sum(each.proposed is not None for each in advise(SPACE, frame, policy=policy).findings)
        for policy in ("holm", "relevant", "all")
    }
    assert 1 <= counts["holm"] <= counts["relevant"] < counts["all"]
    with pytest.raises(StatsError, match="no policy is called 'al': did you mean 'all'"):
        advise(SPACE, frame, policy="al")


@pytest.mark.slow
def test_noise_narrows_few_parameters_and_by_holm_hardly_any() -> None:
    narrowed = {"relevant": 0, "holm": 0}
    for seed in range(20):
        errors = np.random.default_rng(seed).normal(50, 3, 40)
        frame = population(SPACE, 40, lambda _, errors=errors: errors, seed=seed)
        for policy in narrowed:
            narrowed[policy] += sum(each.proposed is not None for each in advise(SPACE, frame, policy=policy).findings)
    assert narrowed["relevant"] <= 0.25 * 20 * len(SPACE.columns)
    assert narrowed["holm"] <= 4  # 5% of 20 populations is 1; above 4 has a chance of 1 in 300


def test_a_range_that_was_never_drawn_is_no_finding() -> None:
    """Of a budget that lets no bottleneck of 1 in, nobody can say that it is bad."""
    frame = population(SPACE, 80, lambda frame: 50 - frame["bottleneck"] + np.arange(len(frame)) / 100)
    frame = frame[frame["bottleneck"] > 1]
    found = {each.parameter: each for each in advise(SPACE, frame, policy="all").findings}["bottleneck"]
    assert (found.allowed, found.drawn) == ((1, 4), (2, 4))
    assert found.proposed == (4, 4)  # 2 was drawn and is bad
    frame = frame.assign(error=np.arange(len(frame), dtype=float) + 10 * (frame["bottleneck"] == 4))
    advice = advise(SPACE, frame, policy="all")
    found = {each.parameter: each for each in advice.findings}["bottleneck"]
    assert found.good.low == 2
    assert advice.space.distributions["bottleneck"].bounds[0] == 1


def test_a_good_range_that_is_all_that_was_drawn_narrows_nothing() -> None:
    frame = population(SPACE, 40, lambda frame: np.arange(len(frame), dtype=float))
    frame = frame.assign(bottleneck=np.where(np.arange(40) % 2, 2.0, 4.0))
    advice = advise(SPACE, frame, policy="all")
    found = {each.parameter: each for each in advice.findings}["bottleneck"]
    assert (found.good.low, found.good.high) == found.drawn == (2, 4)
    assert found.proposed is None
    assert found.decision == "stays: the good range is all that was drawn"
    assert advice.space.distributions["bottleneck"] == SPACE.distributions["bottleneck"]


def test_what_the_limits_keep_out_is_no_merit_of_the_refinement() -> None:
    space = SPACE.refine(flops=(1e9, 1.1e9))
    frame = population(space, 40, deep_is_good)
    found = {each.parameter: each for each in advise(space, frame, policy="all").findings}["w0"]
    assert f"({frame['w0'].min():.0f} to {frame['w0'].max():.0f} were drawn within the limits)" in found.sentence()


def test_networks_that_failed_are_bad_ones() -> None:
    """All deep networks diverge: without them nothing would speak against deep ones."""
    frame = population(SPACE, 100, lambda frame: 50 + np.random.default_rng(0).normal(0, 0.5, len(frame)))
    deep = frame["depth"] > 24
    frame = frame.assign(state=np.where(deep, "failed", "done"), error=frame["error"].where(~deep))
    assert (frame["state"] == "done").sum() >= 32
    advice = advise(SPACE, frame)
    assert advice.space.distributions["depth"].bounds[1] <= 24
    assert advice.relevance["depth"].p_holm < 0.002
    assert advice.decisions[-1] == f"{deep.sum()} networks that failed count as the worst, with an error of 100%."
    survivors = advise(SPACE, frame, survivors=True)
    assert survivors.relevance["depth"].p_value > 0.05
    assert survivors.space.distributions["depth"].bounds[1] == 64
    assert "were left out: this is about the others alone" in survivors.decisions[-1]


def test_what_the_machine_failed_says_nothing() -> None:
    frame = population(SPACE, 50, deep_is_good, failed=10)
    frame = frame.assign(failure=np.where(frame["state"] == "failed", "machine", None))
    advice = advise(SPACE, frame)
    done = advise(SPACE, frame[frame["state"] == "done"])
    assert (advice.space, advice.relevance) == (done.space, done.relevance)
    assert advice.decisions[-1] == "Of 10 trials that the machine failed nothing is known."


@pytest.mark.parametrize(
    ("n", "missing"), [(1, "31 more are"), (9, "23 more are"), (20, "12 more are"), (31, "1 more is")]
)
def test_few_networks_narrow_nothing_and_how_many_are_missing_is_said(n: int, missing: str) -> None:
    advice = advise(SPACE, population(SPACE, n, deep_is_good))
    done = "1 network is" if n == 1 else f"{n} networks are"
    why = f"Nothing was narrowed: {done} done, and a space is narrowed from 32 on: {missing} needed."
    assert advice.decisions == (why,)
    assert (advice.space.name, advice.space.distributions) == ("regnetx_again", SPACE.distributions)
    assert advice.missing == 32 - n
    assert bool(advice.good_ranges) == (n >= 10)  # what is seen is shown
    assert all(each.proposed is None for each in advice.findings)


def test_networks_that_failed_are_not_done() -> None:
    advice = advise(SPACE, population(SPACE, 20, deep_is_good, failed=60))
    assert advice.decisions[0].endswith("12 more are needed.")


def test_the_limit_can_be_lowered_to_ten() -> None:
    frame = population(SPACE, 12, deep_is_good)
    assert advise(SPACE, frame, refine_from=12, policy="all").space.size() < SPACE.size()
    with pytest.raises(StatsError, match="from 10 networks on at least, not 9"):
        advise(SPACE, frame, refine_from=9)


def test_parameters_of_one_value_conclude_nothing() -> None:
    space = netwright.load_space("anynetx_a").refine(bottleneck=1, group_width=8)
    frame = population(space, 40, lambda frame: np.arange(len(frame), dtype=float))
    frame = frame[["bottleneck_1", "group_width_1", "error", "state"]]
    assert "no parameter has more than one value" in advise(space, frame).decisions[0]


def test_neither_the_seed_nor_the_order_of_rows_moves_a_range() -> None:
    frame = population(SPACE, 40, deep_is_good)
    ranges = advise(SPACE, frame, seed=3).good_ranges
    assert advise(SPACE, frame, seed=4).good_ranges == ranges
    assert advise(SPACE, frame[::-1], seed=3).good_ranges == ranges
    assert advise(SPACE, frame, seed=3) == advise(SPACE, frame, seed=3)


@pytest.mark.slow
def test_every_spaces_advice_can_be_sampled() -> None:
    for name in netwright.space_names():
        space = netwright.load_space(name)
        frame = population(space, 24, lambda frame: frame.sum(axis=1) % 17)
        earlier = draw(space, 24, 0)
        advice, fresh = draw_refined(advise(space, frame, policy="all+order", refine_from=24), space, 6, 1, earlier)
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
    advice, fresh = draw_refined(advise(space, frame, policy="all"), space, 40, 1, draw(space, 40, 0))
    assert len(fresh.batch) == 40
    given_back = [line for line in advice.decisions if "got its old range back" in line]
    assert given_back
    assert given_back[0].startswith("width")


@pytest.mark.slow
def test_a_space_without_room_is_refused() -> None:
    space = netwright.load_space("anynetx_a").refine(bottleneck=1, group_width=8, width=(8, 64), tie=["width", "depth"])
    frame = population(space, 40, lambda frame: frame["depth"] * 5)
    with pytest.raises(SpaceError, match="no room to confirm a refinement: "):
        draw_refined(advise(space, frame), space, 100, 1, draw(space, 40, 0))
