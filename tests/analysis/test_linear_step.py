"""The step from AnyNet to RegNet, and its evidence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import netwright
from netwright.analysis.linear_step import NEAR, regnet_space
from netwright.analysis.proposal import advice_text, refine
from netwright.analysis.refine import advise
from netwright.arch import complexity, fit_batch
from netwright.errors import StatsError
from netwright.population import Population
from netwright.space import DesignSpace, load_space

SPACE = load_space("anynetx_e").refine(depth=(1, 6), width=(16, 256))


def population(n: int, effect: float, seed: int = 0, space: DesignSpace = SPACE) -> pd.DataFrame:
    """Networks, all done, whose errors grow with e_fit."""
    batch = netwright.sample(space, n, seed)
    e_fit = fit_batch(batch).e_fit
    error = 40 + effect * np.minimum(e_fit, 0.5) + np.random.default_rng(seed).normal(0, 2, n)
    columns = {name: np.asarray(values) for name, values in batch.parameters.items()}
    return pd.DataFrame(columns | {"state": "done", "error": error, "flops": complexity(batch).flops, "e_fit": e_fit})


def test_the_step_is_offered_where_networks_near_the_line_are_better() -> None:
    frame = population(120, 30)
    advice = advise(SPACE, frame)
    step = advice.linear_step
    assert step is not None
    assert step.is_trend
    assert step.is_confirmed
    near = frame["e_fit"] <= NEAR
    assert (step.near, step.others) == (near.sum(), (~near).sum())
    assert step.difference == pytest.approx(frame["error"][near].mean() - frame["error"][~near].mean())
    [decision] = [each for each in advice.decisions if each.startswith("AnyNet to RegNet")]
    assert "The same trials proposed it: sweep it" in decision
    assert decision in advice_text(advice)
    assert advice.space.family == "anynet"  # it is offered, and not taken


def test_the_space_of_the_step_keeps_what_was_drawn_and_has_linear_widths() -> None:
    frame = population(60, 30)
    found = regnet_space(SPACE, frame)
    assert found.family == "regnet"
    assert found.distributions["depth"].bounds == (4, 24)
    assert found.distributions["w0"].bounds == (4, 64)
    assert found.limits["num_stages"] == (4, 4)
    assert found.limits["flops"] == (frame["flops"].min(), frame["flops"].max())
    assert found.distributions["bottleneck"] == SPACE.distributions["bottleneck"]
    assert DesignSpace.from_dict(found.to_dict()) == found
    batch = netwright.sample(found, 50)
    assert np.median(fit_batch(batch).e_fit) < 0.05
    limited = regnet_space(SPACE.refine(params=(0, 3e6)), frame)
    assert "flops" not in limited.limits
    assert limited.limits["params"] == (0, 3e6)


def test_free_groups_and_bottlenecks_become_one_draw() -> None:
    space = load_space("anynetx_a").refine(depth=(1, 6), width=(16, 256))
    found = regnet_space(space, population(40, 0, space=space))
    assert found.columns == ("depth", "w0", "wa", "wm", "bottleneck", "group_width")


def test_no_step_without_a_trend() -> None:
    advice = advise(SPACE, population(120, 0))
    assert advice.linear_step is not None
    assert advice.linear_step.space is None
    assert "is not shown" in advice.linear_step.why_not
    assert "AnyNet to RegNet" not in advice_text(advice) + "".join(advice.decisions)


def test_a_trend_alone_takes_a_policy_with_order() -> None:
    """Of free widths few networks are near a line."""
    space = load_space("anynetx_a").refine(depth=(1, 6), width=(16, 512))
    frame = population(60, 30, space=space)
    assert (frame["e_fit"] <= NEAR).sum() < 16
    step = advise(space, frame).linear_step
    assert step is not None
    assert step.is_trend
    assert step.space is None
    assert "16 of either kind are needed to compare them: no step is proposed" in step.sentence()
    by_trend = advise(space, frame, policy="relevant+order").linear_step
    assert by_trend is not None
    assert by_trend.space is not None


def test_e_fit_comes_from_the_drawn_parameters_where_no_network_is_stored() -> None:
    frame = population(60, 30)
    ours, theirs = (advise(SPACE, each).linear_step for each in (frame, frame.drop(columns="e_fit")))
    assert ours is not None
    assert theirs is not None
    assert theirs.near == pytest.approx(ours.near, abs=3)  # groups round some widths
    assert advise(SPACE, frame.drop(columns=["e_fit", "width_1"])).linear_step is None


def test_spaces_without_free_widths_have_no_step() -> None:
    for name in ("regnetx", "anynetx_c_equal_widths"):
        space = load_space(name).refine(depth=(4, 12) if name == "regnetx" else (1, 4))
        assert advise(space, population(40, 0, space=space)).linear_step is None


@pytest.mark.slow
def test_refine_writes_the_space_of_the_step(tmp_path: Path) -> None:
    batch = netwright.sample(SPACE, 80)
    error = 40 + 30 * np.minimum(fit_batch(batch).e_fit, 0.5)
    with Population.create(tmp_path / "run", networks=batch, seed=0, identity={"space": SPACE.to_dict()}) as trials:
        for trial, each in enumerate(error):
            trials.begin(trial)
            trials.finish(trial, error=float(each), seconds=1.0, curve=[])
        assert trials.frame()["e_fit"].to_numpy() == pytest.approx(fit_batch(batch).e_fit)
    advice = refine(tmp_path / "run", family="regnet", out=tmp_path / "regnet.yaml")
    assert load_space(tmp_path / "regnet.yaml").family == advice.space.family == "regnet"
    assert refine(tmp_path / "run").space.family == "anynet"
    with pytest.raises(StatsError, match="the family to step to is regnet, not 'resnet'"):
        refine(tmp_path / "run", family="resnet")


def test_a_step_that_is_not_supported_is_refused_with_the_reason() -> None:
    view = netwright.analysis.summary.view("a", population(60, 0), SPACE, {})
    with pytest.raises(StatsError, match=r"not supported by these trials: that networks .* is not shown"):
        refine(view, family="regnet")
    regnets = load_space("regnetx").refine(depth=(4, 12))
    view = netwright.analysis.summary.view("a", population(40, 0, space=regnets), regnets, {})
    with pytest.raises(StatsError, match="is of the family regnet already"):
        refine(view, family="regnet")
