"""The parts of an AnyNet: stems, blocks and head. Names inside modules follow the published checkpoints of DDS."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from netwright.arch import STEMS, Arch, Block, Stage, Stem
from netwright.nn.convolve import activate, conv, unit
from netwright.nn.pool import pixel_mean

__all__ = ["Head", "ResidualBlock", "SqueezeExcite", "StemBlock", "VanillaBlock", "block_of"]


class StemBlock(nn.Module):
    """Convolution, batch norm, activation, perhaps a max pool: (N, C, H, W) -> (N, width, H / stride, W / stride)."""

    def __init__(self, in_channels: int, stem: Stem, activation: str = "relu") -> None:
        super().__init__()
        kind = STEMS[stem.kind]
        self.activation, self.pools = activation, kind.pools
        self.conv = conv(in_channels, stem.width, kind.kernel, stride=kind.stride)
        self.bn = nn.BatchNorm2d(stem.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.pooled(self.activated(x))

    def activated(self, x: Tensor) -> Tensor:
        """Without the max pool."""
        return unit(x, self.conv, self.bn, self.activation)

    def pooled(self, x: Tensor) -> Tensor:
        """What `activated` gives, after the max pool if there is one."""
        return functional.max_pool2d(x, 3, stride=2, padding=1) if self.pools else x


class SqueezeExcite(nn.Module):
    """Channel gates from the globally pooled input: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, width: int, squeezed: int, activation: str = "relu") -> None:
        super().__init__()
        between = nn.SiLU(inplace=True) if activation == "silu" else nn.ReLU(inplace=True)
        self.f_ex = nn.Sequential(nn.Conv2d(width, squeezed, 1), between, nn.Conv2d(squeezed, width, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        gates: Tensor = self.f_ex(pixel_mean(x)[:, :, None, None])
        return x * gates if torch.is_grad_enabled() else x.mul_(gates)


class BottleneckTransform(nn.Module):
    """1x1, 3x3 (perhaps grouped), (squeeze-and-excitation), 1x1; each with batch norm, the first two activated."""

    def __init__(self, inputs: int, stage: Stage, stride: int, block: Block, se_ratio: float) -> None:
        super().__init__()
        self.activation = block.activation
        inner = stage.inner_width
        self.a = conv(inputs, inner, 1)
        self.a_bn = nn.BatchNorm2d(inner)
        self.b = conv(inner, inner, 3, stride=stride, groups=stage.groups)
        self.b_bn = nn.BatchNorm2d(inner)
        # the squeezed width is a share of the block's input, not of the inner width
        self.se = SqueezeExcite(inner, max(1, round(inputs * se_ratio)), block.activation) if se_ratio else None
        self.c = conv(inner, stage.width, 1)
        self.c_bn = nn.BatchNorm2d(stage.width)

    def forward(self, x: Tensor, added: Tensor | None = None, activation: str = "") -> Tensor:
        """activation(transform(x) + added)."""
        x = unit(x, self.a, self.a_bn, self.activation)
        x = unit(x, self.b, self.b_bn, self.activation)
        if self.se is not None:
            x = self.se(x)
        return unit(x, self.c, self.c_bn, activation, added)


class BasicTransform(nn.Module):
    """3x3, 3x3; each with batch norm, the first activated."""

    def __init__(self, inputs: int, stage: Stage, stride: int, block: Block) -> None:
        super().__init__()
        self.activation = block.activation
        self.a = conv(inputs, stage.width, 3, stride=stride)
        self.a_bn = nn.BatchNorm2d(stage.width)
        self.b = conv(stage.width, stage.width, 3)
        self.b_bn = nn.BatchNorm2d(stage.width)

    def forward(self, x: Tensor, added: Tensor | None = None, activation: str = "") -> Tensor:
        """activation(transform(x) + added)."""
        x = unit(x, self.a, self.a_bn, self.activation)
        return unit(x, self.b, self.b_bn, activation, added)


class VanillaBlock(BasicTransform):
    """The two convolutions alone, both activated."""

    def forward(self, x: Tensor, added: Tensor | None = None, activation: str = "") -> Tensor:
        """activation(transform(x) + added); the block's own activation is the default."""
        return super().forward(x, added, activation or self.activation)


def drop_samples(branch: Tensor, rate: float) -> Tensor:
    """Stochastic depth (arXiv 1603.09382): of each sample of the batch the whole branch is kept, with probability
    1 - rate and divided by it, or zero. branch: (N, C, H, W)."""
    keep = 1.0 - rate
    mask = branch.new_empty((branch.shape[0], 1, 1, 1)).bernoulli_(keep).div_(keep)
    return branch * mask


class ResidualBlock(nn.Module):
    """The transform f and a shortcut around it, which is a 1x1 convolution where the shape changes, or is not there.

    drop_path_rate: of stochastic depth, in training.
    """

    def __init__(
        self,
        inputs: int,
        stage: Stage,
        stride: int,
        block: Block,
        se_ratio: float,
        *,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.drop_path_rate = drop_path_rate
        self.activation = "" if block.is_linear else block.activation
        changes = inputs != stage.width or stride != 1
        self.has_shortcut = not changes or block.shortcut == "projected"
        projects = changes and self.has_shortcut
        self.proj = conv(inputs, stage.width, 1, stride=stride) if projects else None
        self.bn = nn.BatchNorm2d(stage.width) if projects else None
        self.f: nn.Module
        if block.is_bottleneck:
            self.f = BottleneckTransform(inputs, stage, stride, block, se_ratio)
        else:
            self.f = BasicTransform(inputs, stage, stride, block)

    def forward(self, x: Tensor) -> Tensor:
        if not self.has_shortcut:
            return self.f(x, None, self.activation)  # type: ignore[no-any-return]
        shortcut = x if self.proj is None or self.bn is None else unit(x, self.proj, self.bn)
        if self.training and self.drop_path_rate:
            branch = drop_samples(self.f(x), self.drop_path_rate)
            return activate(branch.add_(shortcut), self.activation)
        return self.f(x, shortcut, self.activation)  # type: ignore[no-any-return]


def block_of(arch: Arch, inputs: int, stage: Stage, stride: int, *, drop_path_rate: float = 0.0) -> nn.Module:
    """One block of a network's family. inputs: channels that enter it."""
    family = arch.family
    if family.shortcut == "none":
        return VanillaBlock(inputs, stage, stride, family)
    return ResidualBlock(inputs, stage, stride, family, arch.se_ratio, drop_path_rate=drop_path_rate)


class Head(nn.Module):
    """(1x1 convolution, batch norm, activation), global average pool, dropout and linear: (N, C, H, W) -> (N, classes).

    After blocks that end linear the activation is there without the convolution too, as timm's RegNetZ has it.
    drop_rate: in training.
    """

    def __init__(self, arch: Arch, *, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.drop_rate = drop_rate
        width = arch.stages[-1].width
        self.activation = arch.family.activation if arch.head_width or arch.family.is_linear else ""
        self.conv = conv(width, arch.head_width, 1) if arch.head_width else None
        self.bn = nn.BatchNorm2d(arch.head_width) if arch.head_width else None
        self.fc: nn.Module = nn.Linear(arch.num_features, arch.num_classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.pooled(self.features(x)))
        return logits

    def features(self, x: Tensor) -> Tensor:
        """What is pooled: (N, C, H, W) -> (N, num_features, H, W)."""
        if self.conv is not None and self.bn is not None:
            return unit(x, self.conv, self.bn, self.activation)
        if not self.activation:
            return x
        return functional.silu(x) if self.activation == "silu" else torch.relu(x)  # the last stage's map stays

    def pooled(self, x: Tensor) -> Tensor:
        """What the classifier sees: (N, num_features, H, W) -> (N, num_features)."""
        pooled = pixel_mean(x)
        if self.training and self.drop_rate:
            pooled = functional.dropout(pooled, self.drop_rate)
        return pooled
