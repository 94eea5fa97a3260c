import numpy as np
import pytest

from netwright.arch import NETWORKS, Arch, Stage, published, regnet
from netwright.errors import ArchError
from netwright.weights.parameters import RegNetParameters, regnet_parameters


def built_by_timm(found: RegNetParameters, bottleneck: float) -> list[tuple[int, int, int]]:
    """(depth, width, group width) of each stage, by timm's own code."""
    import torch
    from timm.models.regnet import adjust_widths_groups_comp, generate_regnet

    widths, stages, groups = generate_regnet(found.wa, found.w0, found.wm, found.depth, found.group_width)
    unique, depths = torch.unique(torch.tensor(widths), return_counts=True)
    ratio = 0.9 if found.is_upward else 0.0
    rounded, groups = adjust_widths_groups_comp(unique.tolist(), [1 / bottleneck] * stages, groups, min_ratio=ratio)
    return list(zip(depths.tolist(), rounded, groups, strict=True))


def stages(arch: Arch) -> list[tuple[int, int, int]]:
    return [(stage.depth, stage.width, stage.group_width) for stage in arch.stages]


@pytest.mark.parametrize("name", [name for name in NETWORKS if name.startswith("regnet")])
def test_published_regnets_have_parameters_that_timm_makes_them_of(name: str):
    arch = published(name)
    found = regnet_parameters(arch)
    assert found is not None
    assert built_by_timm(found, arch.stages[0].bottleneck) == stages(arch)


def test_regnets_of_a_space_have_them_too():
    rng, found, made = np.random.default_rng(0), 0, 0
    while made < 60:
        bottleneck = float(rng.choice([1, 1, 2, 4, 0.5, 0.25]))
        try:
            arch = regnet(
                int(rng.integers(8, 40)),
                8 * int(rng.integers(1, 20)),
                float(rng.uniform(5, 90)),
                float(rng.uniform(1.5, 3)),
                int(rng.choice([1, 2, 4, 8, 16, 24, 40])),
                bottleneck,
            )
        except ArchError:
            continue
        if len(arch.stages) != 4:
            continue
        made += 1
        parameters = regnet_parameters(arch)
        if parameters is not None:
            found += 1
            assert built_by_timm(parameters, bottleneck) == stages(arch)
    assert found == made


@pytest.mark.parametrize(
    "of",
    [
        [(1, 64, 1.0, 16), (1, 64, 1.0, 16), (9, 128, 1.0, 16), (1, 512, 1.0, 16)],  # widths that stay
        [(9, 32, 1.0, 8), (1, 256, 1.0, 8), (1, 264, 1.0, 8), (1, 272, 1.0, 8)],  # and that jump early
        [(1, 64, 1.0, 16), (2, 128, 2.0, 16), (4, 256, 1.0, 16), (2, 512, 1.0, 16)],  # other bottlenecks
        [(1, 64, 1.0, 32), (2, 128, 1.0, 16), (4, 256, 1.0, 16), (2, 512, 1.0, 16)],  # and groups
        [(1, 512, 1.0, 8), (2, 256, 1.0, 8), (4, 128, 1.0, 8), (2, 64, 1.0, 8)],  # narrowing
    ],
)
def test_other_networks_have_none(of: list[tuple[int, int, float, int]]):
    arch = Arch(tuple(Stage(depth, width, 2, bottleneck, group) for depth, width, bottleneck, group in of))
    assert regnet_parameters(arch) is None
