from dataclasses import replace

import numpy as np
import pytest

import netwright
from netwright.arch import PUBLISHED, Stage, complexity
from netwright.design.baseline import baseline_for


@pytest.mark.parametrize(
    ("name", "resolution", "flops"), [("regnetx", 8, 5e5), ("regnety", 32, 8e6), ("anynetx_a", 96, 7e7)]
)
def test_it_costs_what_the_pick_costs(name: str, resolution: int, flops: float) -> None:
    space = netwright.load_space(name).for_images(resolution, 7, 3).refine(flops=(0.9 * flops, flops))
    for pick in netwright.sample(space, 5, seed=1):
        baseline = baseline_for(pick, flops)
        ratio = float(complexity(baseline).flops[0] / complexity(pick).flops[0])
        assert 0.9 < ratio < 1.1
        assert complexity(baseline).flops[0] <= flops
        assert (baseline.block, baseline.num_classes, baseline.in_channels) == (pick.block, 7, 3)
        assert baseline.stem == pick.stem
        assert [stage.stride for stage in baseline.stages] == [stage.stride for stage in pick.stages]
        assert any(baseline.name.startswith(known) for known in PUBLISHED)


@pytest.mark.parametrize("stages", [1, 3, 6])
def test_it_has_its_own_four_stages_whatever_the_pick_has(stages: int) -> None:
    space = netwright.load_space("regnetx").for_images(32, 10, 3)
    pick = replace(netwright.sample(space, 1)[0], stages=(Stage(2, 32, 1, 1, 8),) * stages)
    assert [stage.stride for stage in baseline_for(pick).stages] == [1, 2, 2, 2]


def test_a_budget_below_every_regnet_gives_the_nearest_one() -> None:
    space = netwright.load_space("regnetx").for_images(8, 10, 1)
    pick = replace(netwright.sample(space, 1)[0], stages=(Stage(1, 8, 1, 1, 8),))
    budget = float(complexity(pick).flops[0])
    baseline = baseline_for(pick, budget)
    assert budget < complexity(baseline).flops[0] < 20 * budget


def test_it_is_the_same_every_time() -> None:
    pick = netwright.sample(netwright.load_space("regnety").for_images(32, 10, 3), 1, seed=3)[0]
    assert baseline_for(pick, np.inf) == baseline_for(pick)
