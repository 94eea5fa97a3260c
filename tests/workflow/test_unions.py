"""Sweeps of unions of spaces, and what is read from them."""

from collections.abc import Callable
from typing import Any

import pytest

from netwright.analysis.proposal import advice_text, refine
from netwright.analysis.reading import read
from netwright.analysis.summary import analyze
from netwright.errors import SpaceError
from netwright.population import Population
from netwright.space import Choice, DesignSpace, UnionSpace, load_space, union
from netwright.workflow import DesignConfig, design, sweep

Make = Callable[..., DesignConfig]


@pytest.fixture
def both() -> UnionSpace:
    return union(load_space("anynetx_e"), load_space("regnetx").with_recipe(lr=Choice((0.05, 0.1))), weights=[1, 2])


@pytest.mark.slow
def test_a_union_is_trained_continued_analyzed_and_refined(
    engine: Any, quiet: Any, config: Make, both: UnionSpace
) -> None:
    sweep(config(space=both, trials=36, flops=(0, 0.6e6)), quiet)
    with Population.open(config().out) as population:
        frame = population.frame()
        assert population.recipe_parameters == ("lr",)
        assert isinstance(DesignSpace.from_dict(population.identity["space"]), UnionSpace)
    of_regnet = frame["space"] == "regnetx"
    assert 14 <= of_regnet.sum() <= 32
    assert frame.loc[of_regnet, "depth_1"].isna().all()
    assert frame.loc[~of_regnet, "lr"].isna().all()
    assert {trial.recipe["lr"] for trial in engine.trials if frame["space"][trial.index] == "regnetx"} == {0.05, 0.1}
    sweep(config(space=both, trials=40, flops=(0, 0.6e6)), quiet)
    with Population.open(config().out) as population:
        assert population.frame()["arch"].tolist()[:36] == frame["arch"].tolist()
    view = read(config().out)
    assert view.categories["space"] == ("anynetx_e", "regnetx")
    analysis = analyze(view)
    assert {"space", "depth_1", "wa", "bottleneck"} <= set(analysis.relevance)
    advice = refine(config().out, policy="all", refine_from=10)
    assert isinstance(advice.space, UnionSpace)
    assert {line.split(":")[0] for line in advice.decisions} == {"anynetx_e", "regnetx"}
    assert "regnetx: depth" in advice_text(advice)
    assert advice.space.shares == both.shares
    assert advice.space.size() < both.size()


def test_what_a_union_cannot_do_is_told_before_anything_is_trained(
    engine: Any, quiet: Any, config: Make, both: UnionSpace
) -> None:
    with pytest.raises(SpaceError, match=r"a design refines one space, and .* is a union of 2"):
        design(config(space=both), quiet)
    with pytest.raises(SpaceError, match="the sampler tpe searches one space"):
        sweep(config(space=both), quiet, sampler="tpe")
    assert engine.trials == []
