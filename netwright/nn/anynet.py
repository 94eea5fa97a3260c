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
from netwright.nn.blocks import Head, StemBlock, block_of

__all__ = ["AnyNet", "build"]


class AnyNet(nn.Module):
    """Stem, stages s1, s2, ... of blocks b1, b2, ..., head. x: (N, in_channels, H, W), normalized -> (N, classes).

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
        self.stem = StemBlock(arch.in_channels, arch.stem, arch.family.activation)
        width = arch.stem.width
        rates = iter(np.linspace(0.0, drop_path_rate, arch.depth).tolist())
        self.stage_names = tuple(f"s{i}" for i in range(1, len(arch.stages) + 1))
        for name, stage in zip(self.stage_names, arch.stages, strict=True):
            blocks = nn.Sequential()
            for b in range(stage.depth):
                stride = stage.stride if b == 0 else 1
                blocks.add_module(f"b{b + 1}", block_of(arch, width, stage, stride, drop_path_rate=next(rates)))
                width = stage.width
            self.add_module(name, blocks)
        self.head = Head(arch, drop_rate=drop_rate)
        self.frozen: tuple[str, ...] = ()  # parts that `freeze` keeps in evaluation
        self.is_fused = False  # a copy that `fuse` made

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self._body(x))
        return logits

    def forward_features(self, x: Tensor) -> Tensor:
        """What the head pools, after the head's convolution where it has one: (N, num_features, h, w)."""
        return self.head.features(self._body(x))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """From what forward_features gives to logits; pre_logits: to what the classifier sees, (N, num_features)."""
        pooled = self.head.pooled(x)
        return pooled if pre_logits else self.head.fc(pooled)

    def _body(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for name in self.stage_names:
            x = getattr(self, name)(x)
        return x

    @property
    def num_features(self) -> int:
        """Channels that the classifier sees."""
        return self.arch.num_features

    @property
    def num_classes(self) -> int:
        """Logits of an image; 0 after reset_classifier(0)."""
        return self.arch.num_classes if isinstance(self.head.fc, nn.Linear) else 0

    def get_classifier(self) -> nn.Module:
        """The last layer, which the logits come from."""
        return self.head.fc

    def reset_classifier(self, num_classes: int, *, seed: int | None = None) -> None:
        """A new last layer for so many classes, initialized as `build` does, where and in what the old one was.

        num_classes: 0 for none; the network then gives what the classifier saw, (N, num_features). seed: None draws
        from torch's global generator.
        """
        if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 0:
            raise ArchError(f"num_classes is a whole number, 0 for no classifier, not {num_classes!r}. Correct it.")
        if num_classes == 0:
            self.head.fc = nn.Identity()
            return
        like = self.stem.conv.weight
        fc = nn.Linear(self.num_features, num_classes)
        initialize(fc, None if seed is None else torch.Generator().manual_seed(seed))
        self.head.fc = fc.to(like.device, like.dtype).train(self.head.training)
        self.arch = replace(self.arch, num_classes=num_classes)

    def train(self, mode: bool = True) -> AnyNet:
        """What is frozen stays in evaluation, so that its batch norm does not change either."""
        if mode and self.is_fused:
            raise ArchError("a fused network has no batch norm left to train. Train the network that it was made of.")
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self


@torch.no_grad()
def initialize(module: nn.Module, generator: torch.Generator | None = None) -> None:
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
    """The module of a network, initialized for training from scratch.

    num_classes, in_channels: instead of the network's own. seed: of the initial weights; None draws from torch's
    global generator. drop_rate, drop_path_rate: of dropout and stochastic depth, as AnyNet has them.
    """
    changes: dict[str, Any] = {
        name: value for name, value in (("num_classes", num_classes), ("in_channels", in_channels)) if value is not None
    }
    module = AnyNet(replace(arch, **changes), drop_rate=drop_rate, drop_path_rate=drop_path_rate)
    initialize(module, None if seed is None else torch.Generator().manual_seed(seed))
    return module
