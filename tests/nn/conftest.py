"""Modules here are tiny: threads cost more than they bring."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from netwright.arch import BLOCKS, Arch, Stage, Stem

MakeArch = Callable[..., Arch]


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """Every test here computes with one."""


def small(block: str, stem: str = "cifar", head_width: int = 0) -> Arch:
    """A network of a family: a stage that keeps its input's shape, one with stride and depth, one with other width."""
    family = BLOCKS[block]
    bottleneck = 2.0 if family.is_bottleneck else 1.0
    group_width = 4 if family.is_grouped else 0
    stages = (
        Stage(1, 8, 1, bottleneck, group_width),
        Stage(2, 16, 2, bottleneck, group_width),
        Stage(1, 24, 1, bottleneck, group_width),
    )
    return Arch(stages, block, Stem(stem, 8), family.se_ratio, 16, 5, 3, head_width=head_width)


@pytest.fixture
def make_arch() -> MakeArch:
    """A small network of a family, by block, stem and channels of the head's convolution."""
    return small


@torch.no_grad()
def _randomize(module: nn.Module, seed: int = 0) -> None:
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_(0.0, 0.2, generator=generator)
            part.running_var.uniform_(0.5, 2.0, generator=generator)
            part.weight.uniform_(0.5, 1.5, generator=generator)
            part.bias.normal_(0.0, 0.2, generator=generator)


@pytest.fixture
def randomize() -> Callable[..., None]:
    """Make a network's batch norms unlike each other and unlike identity."""
    return _randomize
