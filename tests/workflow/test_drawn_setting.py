"""Sweeps of spaces that draw sizes of images, stems and activations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.analysis.reading import read
from netwright.analysis.refine import advise
from netwright.analysis.summary import analyze, summary_text
from netwright.errors import SpaceError
from netwright.population import Population
from netwright.space import DesignSpace, load_space
from netwright.workflow import DesignConfig, design, sweep

Make = Callable[..., DesignConfig]


@pytest.fixture
def space() -> DesignSpace:
    return load_space("regnetx").with_setting(resolution=[6, 8], stem=["simple", "cifar"], activation=["relu", "silu"])


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["space", "tpe"])
def test_what_is_drawn_is_trained_stored_and_analyzed(
    engine: Any, quiet: Any, config: Make, space: DesignSpace, sampler: str
) -> None:
    sweep(config(space=space, trials=20, flops=(0, 0.6e6)), quiet, sampler=sampler)
    assert {trial.arch["resolution"] for trial in engine.trials} == {6, 8}
    assert {trial.arch["stem"]["kind"] for trial in engine.trials} == {"simple", "cifar"}
    with Population.open(config().out) as population:
        frame = population.frame()
        assert population.identity["data"]["resolution"] == 8
        again = DesignSpace.from_dict(population.identity["space"])
    assert set(frame["stem"]) == {"simple", "cifar"}
    view = read(config().out)
    assert view.categories["activation"] == ("relu", "silu")
    assert set(view.frame["stem"]) == {0.0, 2.0}  # simple and cifar: imagenet is the other one
    analysis = analyze(view)
    assert {"resolution", "stem"} <= set(analysis.relevance)
    assert "stem" not in analysis.ranges
    assert "words without an order" in summary_text(analysis)
    advice = advise(again, frame, policy="all", refine_from=10, repeats=99)
    assert any("stem and activation: words have no range" in line for line in advice.decisions)
    assert advice.space.drawn_setting[1:] == again.drawn_setting[1:]
    sweep(config(space=space, trials=23, flops=(0, 0.6e6)), quiet, sampler=sampler)
    with Population.open(config().out) as population:
        assert population.frame()["arch"].tolist()[:20] == frame["arch"].tolist()


@pytest.mark.slow
def test_trials_of_several_sizes_are_trained(tmp_path: Path, space: DesignSpace) -> None:
    counts = sweep(space, trials=4, epochs=1, workers=1, max_flops=0.4e6, train_images=100, out=tmp_path)
    assert counts["done"] == 4


def test_a_design_has_images_of_one_size(engine: Any, quiet: Any, config: Make, space: DesignSpace) -> None:
    with pytest.raises(SpaceError, match="on images of one size, and 'regnetx' draws resolution, stem, activation"):
        design(config(space=space), quiet)


def test_images_of_another_size_than_the_largest_are_refused(
    engine: Any, quiet: Any, config: Make, space: DesignSpace
) -> None:
    with pytest.raises(SpaceError, match="of up to 8 pixels, and images of 16"):
        sweep(config(space=space, resolution=16), quiet)
    assert np.size(engine.trials) == 0
