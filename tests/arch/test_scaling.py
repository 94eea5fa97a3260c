import numpy as np
import pytest

from netwright.arch import NETWORKS, Arch, Stage, Stem, complexity, published, scale_to_flops
from netwright.errors import ArchError

SMALL = Arch((Stage(1, 16, 1, 2.0, 4), Stage(2, 32, 2, 2.0, 8)), stem=Stem("cifar", 16), resolution=32, num_classes=10)
OF_EVERY_BLOCK = ("v56_cifar", "resnet34", "resnet50", "resnext50_32x4d", "regnet_y_800mf", "regnet_z_4_0gf_h")


def flops(arch: Arch) -> float:
    return float(complexity(arch).flops[0])


@pytest.mark.parametrize("name", [*OF_EVERY_BLOCK, "regnet_x_200mf", "regnet_x_6_4gf"])
def test_networks_are_scaled_to_any_budget(name: str) -> None:
    arch = published(name)
    for target in np.geomspace(0.2, 20, 12) * flops(arch):
        scaled = scale_to_flops(arch, target)
        assert abs(flops(scaled) / target - 1) < 0.08
        within = scale_to_flops(arch, target, most=target)
        assert 0.9 * target < flops(within) <= target
        assert scaled.name == f"{name}, scaled"


def test_depth_and_width_grow_together_and_width_most() -> None:
    arch = published("regnet_x_800mf")
    large = scale_to_flops(arch, 16 * flops(arch))
    # fast compound scaling (arXiv 2103.06877) at a fixed resolution: d = s ** (0.1 / 0.9), w = s ** (0.4 / 0.9)
    assert large.depth / arch.depth == pytest.approx(16 ** (0.1 / 0.9), rel=0.2)
    assert large.stages[-1].width / arch.stages[-1].width == pytest.approx(16 ** (0.4 / 0.9), rel=0.05)
    assert (large.stem, large.resolution) == (arch.stem, arch.resolution)


def test_scaling_to_what_it_has_changes_little() -> None:
    assert flops(scale_to_flops(SMALL, flops(SMALL))) == pytest.approx(flops(SMALL), rel=0.05)


@pytest.mark.parametrize(("target", "most"), [(0, 1e9), (-1, 1e9), (float("nan"), 1e9), (float("inf"), 1e9), (1e9, 0)])
def test_impossible_budgets_are_refused(target: float, most: float) -> None:
    with pytest.raises(ArchError, match="Correct them"):
        scale_to_flops(SMALL, target, most=most)


def test_a_limit_below_the_smallest_network_is_refused() -> None:
    with pytest.raises(ArchError, match="Raise the limit or lower the resolution"):
        scale_to_flops(published("regnet_x_200mf"), 1e6, most=1e6)


@pytest.mark.parametrize("name", OF_EVERY_BLOCK)
def test_what_a_block_has_is_kept(name: str) -> None:
    arch = published(name)
    for target in np.geomspace(flops(arch) / 8, flops(arch) * 8, 5):
        scaled = scale_to_flops(arch, target)
        assert (scaled.block, scaled.stem, scaled.head_width) == (arch.block, arch.stem, arch.head_width)
        for stage, was in zip(scaled.stages, arch.stages, strict=True):
            assert (stage.bottleneck, stage.stride) == (was.bottleneck, was.stride)
            assert (stage.groups == 1) == (not arch.family.is_grouped)


def test_every_published_network_can_be_halved() -> None:
    for name in NETWORKS:
        arch = published(name)
        assert flops(scale_to_flops(arch, flops(arch) / 2)) == pytest.approx(flops(arch) / 2, rel=0.08), name
