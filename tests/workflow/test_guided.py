"""Sweeps whose networks a sampler of Optuna proposes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.analysis.reading import read
from netwright.errors import PopulationError, RecipeError
from netwright.population import Population
from netwright.workflow import DesignConfig, sweep

Make = Callable[..., DesignConfig]


def networks(folder: Path) -> list[str]:
    with Population.open(folder) as population:
        return population.frame()["arch"].tolist()


@pytest.mark.slow
def test_a_sampler_proposes_within_the_limits(engine: Any, quiet: Any, config: Make) -> None:
    counts = sweep(config(trials=10), quiet, sampler="tpe")
    assert counts["done"] == 10
    with Population.open(config().out) as population:
        frame = population.frame()
        assert population.identity["sampler"] == "tpe"
        account = population.notes["account"]
    low, high = config().flops
    assert frame["flops"].between(low, high).all()
    assert frame["arch"].nunique() == 10
    assert account["accepted"] == 10
    assert account["draws"] == account["accepted"] + account["beyond limits, or again"]


def test_it_goes_on_where_it_was(engine: Any, quiet: Any, config: Make) -> None:
    sweep(config(trials=4), quiet, sampler="random")
    before = networks(config().out)
    trained = len(engine.trials)
    counts = sweep(config(trials=7), quiet, sampler="random")
    assert counts["done"] == 7
    assert networks(config().out)[:4] == before
    assert len(engine.trials) == trained + 3


@pytest.mark.slow
def test_it_learns_from_errors(engine: Any, quiet: Any, config: Make) -> None:
    # the engine's errors fall with flops
    sweep(config(trials=40, flops=(0, 4e6)), quiet, sampler="tpe")
    with Population.open(config().out) as population:
        errors = population.frame()["error"]
    assert errors[20:].mean() < errors[:10].mean()


def test_what_it_made_is_no_random_sample(engine: Any, quiet: Any, config: Make) -> None:
    sweep(config(trials=3), quiet, sampler="random")
    assert any("proposed by random and are no random sample" in notice for notice in read(config().out).notices)
    with pytest.raises(PopulationError, match="made with the sampler random, not tpe"):
        sweep(config(trials=4), quiet, sampler="tpe")


@pytest.mark.parametrize(
    ("options", "text"),
    [({"sampler": "bayes"}, "sampler is one of space, random, tpe, gp"), ({"sampler": "tpe", "repeats": 3}, "repeats")],
)
def test_mistakes_are_refused(engine: Any, quiet: Any, config: Make, options: dict[str, Any], text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        sweep(config(trials=12), quiet, **options)
    assert engine.trials == []
