from dataclasses import replace

import numpy as np
import pytest

import netwright
from netwright.arch import PUBLISHED, Stage, Stem, complexity, published
from netwright.workflow.baseline import baseline_for


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
        assert baseline.name.removesuffix(", scaled") in PUBLISHED


@pytest.mark.parametrize(
    ("space", "resolution", "flops"),
    [
        ("anynetv_d", 32, 2e7),
        ("regnetbasic", 32, 2e7),
        ("regnetr", 96, 7e7),
        ("anynetr_a", 224, 8e8),
        ("regnetz", 32, 1e7),
        ("nds_vanilla", 32, 1e8),
        ("nds_resnet", 32, 1e8),
        ("nds_resnext_a", 32, 5e7),
    ],
)
def test_it_is_a_published_network_of_the_picks_block(space: str, resolution: int, flops: float) -> None:
    own = netwright.load_space(space).for_images(resolution, 7, 3).refine(flops=(0.9 * flops, flops))
    for pick in netwright.sample(own, 4, seed=2):
        baseline = baseline_for(pick, flops)
        assert 0.9 < float(complexity(baseline).flops[0] / complexity(pick).flops[0]) < 1.12
        assert complexity(baseline).flops[0] <= flops
        known = published(baseline.name.removesuffix(", scaled"))
        assert (baseline.block, baseline.stem) == (pick.block, pick.stem)
        assert known.block == pick.block


@pytest.mark.parametrize("head_width", [0, 256])
def test_it_has_the_picks_head(head_width: int) -> None:
    space = netwright.load_space("regnetz").for_images(32, 10, 3).with_setting(head_width=head_width)
    pick = netwright.sample(space.refine(flops=(1e7, 2e7)), 1)[0]
    assert baseline_for(pick).head_width == head_width


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


@pytest.mark.parametrize(
    ("space", "side", "stem", "strides"),
    [
        ("anynetv_a", 8, Stem("cifar", 16), [1, 1, 2]),  # V-56 has three stages, and the pick four
        ("nds_vanilla", 32, Stem("cifar", 16), [1, 2, 2]),
        ("anynetr_a", 224, Stem("imagenet", 64), [1, 2, 2, 2]),
        ("anynetr_a", 32, Stem("cifar", 16), [1, 2, 2, 2]),
    ],
)
def test_its_stem_and_strides_suit_the_images(space: str, side: int, stem: Stem, strides: list[int]) -> None:
    pick = netwright.sample(netwright.load_space(space).for_images(side, 5, 1), 1, seed=1)[0]
    baseline = baseline_for(pick)
    assert (baseline.stem, [stage.stride for stage in baseline.stages]) == (stem, strides)
