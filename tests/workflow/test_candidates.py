"""The sizes and the spaces that a plan chooses from, on a machine that is told how fast it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netwright.arch import Arch, complexity
from netwright.space import load_space, sample
from netwright.workflow import DesignConfig
from netwright.workflow.candidates import QUICK_SPACE
from netwright.workflow.planning import planned
from netwright.workflow.speed import Speed


@pytest.fixture
def photos(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    for label in range(2):
        (tmp_path / "photos" / f"class{label}").mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 60, (96, 96, 3)) + 60 * label
            Image.fromarray(pixels.astype("uint8")).save(tmp_path / "photos" / f"class{label}" / f"{i}.jpg")
    return str(tmp_path / "photos")


def machine(monkeypatch: pytest.MonkeyPatch, narrow: float) -> list[Arch]:
    """A machine where a flop in groups takes `narrow` times the time of a dense one; the networks that it measured."""
    seen: list[Arch] = []

    def measured(networks: Sequence[Arch], recipes: Any, **_: Any) -> tuple[list[Speed], float]:
        seen.extend(networks)
        costs = [float(complexity(each).flops[0]) * (1 if each.block == "basic" else narrow) for each in networks]
        return [Speed(cost / 1e9, cost / 3e9) for cost in costs], 0.1

    monkeypatch.setattr("netwright.workflow.candidates.measure_speeds", measured)
    return seen


def space_planned(photos: str, out: Path, **options: Any) -> str:
    config, _ = planned(DesignConfig.from_options(data_dir=photos, out=out, workers=2, budget=600.0, **options))
    assert isinstance(config.space, str)
    return config.space


@pytest.mark.slow
def test_a_quicker_space_is_chosen_where_it_is_quicker(
    photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = machine(monkeypatch, narrow=5.0)
    assert space_planned(photos, tmp_path / "quicker") == QUICK_SPACE
    # both spaces are measured first, the largest of their networks among them
    assert {arch.block for arch in seen[:4]} == {"x", "basic"}
    machine(monkeypatch, narrow=0.2)
    assert space_planned(photos, tmp_path / "slower") == "regnetx"


@pytest.mark.parametrize("given", [{"space": "regnetx"}, {"max_flops": 2e7}, {"params": (1e4, 1e6)}])
def test_what_was_given_is_kept(
    photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    seen = machine(monkeypatch, narrow=5.0)
    assert space_planned(photos, tmp_path / "d", **given) == "regnetx"
    assert {arch.block for arch in seen} == {"x"}


def test_the_quick_space_has_few_wide_blocks_of_dense_convolutions() -> None:
    space = load_space(QUICK_SPACE).for_images(128, 5, 3).refine(flops=(118e6, 131e6))
    for arch in sample(space, 40, seed=0):
        assert arch.block == "basic"
        assert len(arch.stages) == 4
        assert sum(stage.depth for stage in arch.stages) <= 12
        assert all(stage.group_width == stage.width for stage in arch.stages)
