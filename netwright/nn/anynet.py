"""From an Arch to a module."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netwright.arch import Arch
from netwright.errors import ArchError
from netwright.nn.blocks import Head, SimpleStem, XBlock

__all__ = ["AnyNet", "build"]


class AnyNet(nn.Module):
    """Stem, stages s1, s2, ... of blocks b1, b2, ..., head. x: (N, in_channels, H, W), normalised -> (N, classes).

    drop_rate: of dropout before the classifier. drop_path_rate: of stochastic depth in the last block; in the first it
    is 0, and between them it rises linearly with the block. Both act in training only, and draw from torch's global
    generator.
    """

    def __init__(self, arch: Arch, *, drop_rate: float = 0.0, drop_path_rate: float = 0.0) -> None:
        super().__init__()
        for name, rate in (("drop_rate", drop_rate), ("drop_path_rate", drop_path_rate)):
            if not 0 <= rate < 1:
                raise ArchError(f"{name} is at least 0 and below 1, not {rate!r}. 0 drops nothing.")
        self.arch = arch
        self.stem = SimpleStem(arch.in_channels, arch.stem)
        width = arch.stem.width
        rates = iter(np.linspace(0.0, drop_path_rate, arch.depth).tolist())
        self.stage_names = tuple(f"s{i}" for i in range(1, len(arch.stages) + 1))
        for name, stage in zip(self.stage_names, arch.stages, strict=True):
            blocks = nn.Sequential()
            for b in range(stage.depth):
                stride = stage.stride if b == 0 else 1
                blocks.add_module(f"b{b + 1}", XBlock(width, stage, stride, arch.se_ratio, drop_path_rate=next(rates)))
                width = stage.width
            self.add_module(name, blocks)
        self.head = Head(width, arch.num_classes, drop_rate=drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for name in self.stage_names:
            x = getattr(self, name)(x)
        logits: Tensor = self.head(x)
        return logits


@torch.no_grad()
def initialise(module: nn.Module, generator: torch.Generator | None = None) -> None:
    """Convolutions Normal(0, sqrt(2 / (k * k * outputs))), linear Normal(0, 0.01), biases 0, batch norm identity.

    outputs is not divided by the groups: as in the code that trained the published RegNets.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            fan_out = part.kernel_size[0] * part.kernel_size[1] * part.out_channels
            part.weight.normal_(0.0, math.sqrt(2.0 / fan_out), generator=generator)
            if part.bias is not None:
                part.bias.zero_()
        elif isinstance(part, nn.Linear):
            part.weight.normal_(0.0, 0.01, generator=generator)
            part.bias.zero_()


def build(
    arch: Arch,
    num_classes: int | None = None,
    in_channels: int | None = None,
    *,
    seed: int | None = None,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.0,
) -> AnyNet:
    """The module of a network, initialised for training from scratch.

    num_classes, in_channels: instead of the network's own. seed: of the initial weights; None draws from torch's
    global generator. drop_rate, drop_path_rate: of dropout and stochastic depth, as AnyNet has them.
    """
    changes: dict[str, Any] = {
        name: value for name, value in (("num_classes", num_classes), ("in_channels", in_channels)) if value is not None
    }
    module = AnyNet(replace(arch, **changes), drop_rate=drop_rate, drop_path_rate=drop_path_rate)
    initialise(module, None if seed is None else torch.Generator().manual_seed(seed))
    return module
