"""The parts of an AnyNet: stems, blocks and head. Names inside modules follow the published checkpoints of DDS."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from netwright.arch import STEMS, Arch, Block, Stage, Stem
from netwright.nn.convolve import activate, can_overwrite, conv2d, conv_bn_act
from netwright.nn.pool import global_avg_pool

__all__ = ["Head", "ResidualBlock", "SqueezeExcite", "StemBlock", "VanillaBlock", "make_block"]


class StemBlock(nn.Module):
    """Convolution, batch norm, activation, and in some kinds a max pool.

    (N, in_channels, H, W) -> (N, width, H / stride, W / stride).

    Args:
        in_channels: Of the images.
        stem: Kind, width and stride.
        activation: relu or silu.
    """

    def __init__(self, in_channels: int, stem: Stem, activation: str = "relu") -> None:
        super().__init__()
        kind = STEMS[stem.kind]
        self.activation = activation
        self.conv = conv2d(in_channels, stem.width, kind.kernel, stride=kind.stride)
        self.bn = nn.BatchNorm2d(stem.width)
        # a module, so that counters of other programs, which hook modules, see it
        self.pool: nn.Module = nn.MaxPool2d(3, stride=2, padding=1) if kind.pools else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.pool(self.forward_conv(x))
        return pooled

    def forward_conv(self, x: Tensor) -> Tensor:
        """All but the max pool."""
        return conv_bn_act(x, self.conv, self.bn, self.activation)


class SqueezeExcite(nn.Module):
    """Scale each channel by a gate computed from the globally pooled input: (N, width, H, W) -> (N, width, H, W).

    Args:
        width: Channels.
        squeezed: Channels between the two convolutions of the gate.
        activation: Between them: relu or silu.
    """

    def __init__(self, width: int, squeezed: int, activation: str = "relu") -> None:
        super().__init__()
        between = nn.SiLU() if activation == "silu" else nn.ReLU()
        self.f_ex = nn.Sequential(nn.Conv2d(width, squeezed, 1), between, nn.Conv2d(squeezed, width, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        gates: Tensor = self.f_ex(global_avg_pool(x)[:, :, None, None])
        return x.mul_(gates) if can_overwrite(x) else x * gates


class BottleneckTransform(nn.Module):
    """Convolutions 1x1, 3x3 (in groups), 1x1, each with batch norm; the first two are activated.

    With se_ratio, squeeze-and-excitation comes before the last one.
    """

    def __init__(self, inputs: int, stage: Stage, stride: int, block: Block, se_ratio: float) -> None:
        super().__init__()
        self.activation = block.activation
        inner = stage.inner_width
        self.a = conv2d(inputs, inner, 1)
        self.a_bn = nn.BatchNorm2d(inner)
        self.b = conv2d(inner, inner, 3, stride=stride, groups=stage.groups)
        self.b_bn = nn.BatchNorm2d(inner)
        # the squeezed width is a share of the block's input, not of the inner width
        self.se = SqueezeExcite(inner, max(1, round(inputs * se_ratio)), block.activation) if se_ratio else None
        self.c = conv2d(inner, stage.width, 1)
        self.c_bn = nn.BatchNorm2d(stage.width)

    def forward(self, x: Tensor, shortcut: Tensor | None = None, activation: str = "") -> Tensor:
        """activation(transform(x) + shortcut)."""
        x = conv_bn_act(x, self.a, self.a_bn, self.activation)
        x = conv_bn_act(x, self.b, self.b_bn, self.activation)
        if self.se is not None:
            x = self.se(x)
        return conv_bn_act(x, self.c, self.c_bn, activation, shortcut)


class BasicTransform(nn.Module):
    """Two 3x3 convolutions, each with batch norm; the first is activated."""

    def __init__(self, inputs: int, stage: Stage, stride: int, block: Block) -> None:
        super().__init__()
        self.activation = block.activation
        self.a = conv2d(inputs, stage.width, 3, stride=stride)
        self.a_bn = nn.BatchNorm2d(stage.width)
        self.b = conv2d(stage.width, stage.width, 3)
        self.b_bn = nn.BatchNorm2d(stage.width)

    def forward(self, x: Tensor, shortcut: Tensor | None = None, activation: str = "") -> Tensor:
        """activation(transform(x) + shortcut)."""
        x = conv_bn_act(x, self.a, self.a_bn, self.activation)
        return conv_bn_act(x, self.b, self.b_bn, activation, shortcut)


class VanillaBlock(BasicTransform):
    """Two 3x3 convolutions, both activated, without a shortcut."""

    def forward(self, x: Tensor, shortcut: Tensor | None = None, activation: str = "") -> Tensor:
        """activation(transform(x) + shortcut); by default with the activation of the block."""
        return super().forward(x, shortcut, activation or self.activation)


def drop_path(branch: Tensor, rate: float) -> Tensor:
    """Stochastic depth (arXiv 1603.09382): zero the branch of each sample with probability `rate`.

    What is kept is divided by 1 - rate. branch: (N, C, H, W).
    """
    keep = 1.0 - rate
    mask = branch.new_empty((branch.shape[0], 1, 1, 1)).bernoulli_(keep).div_(keep)
    return branch * mask


class ResidualBlock(nn.Module):
    """The transform f with a shortcut around it: the identity, or a 1x1 convolution where the shape changes.

    Families whose shortcut is not projected have none where the shape changes.

    Args:
        inputs: Input channels.
        stage: Width, bottleneck and group width.
        stride: Of the block.
        block: The family.
        se_ratio: Channels of squeeze-and-excitation in relation to `inputs`.
        drop_path_rate: Probability of stochastic depth in training.
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
        self.proj = conv2d(inputs, stage.width, 1, stride=stride) if projects else None
        self.bn = nn.BatchNorm2d(stage.width) if projects else None
        self.f: nn.Module
        if block.is_bottleneck:
            self.f = BottleneckTransform(inputs, stage, stride, block, se_ratio)
        else:
            self.f = BasicTransform(inputs, stage, stride, block)

    def forward(self, x: Tensor) -> Tensor:
        if not self.has_shortcut:
            return self.f(x, None, self.activation)  # type: ignore[no-any-return]
        shortcut = x if self.proj is None or self.bn is None else conv_bn_act(x, self.proj, self.bn)
        if self.training and self.drop_path_rate:
            branch = drop_path(self.f(x), self.drop_path_rate)
            return activate(branch.add_(shortcut), self.activation)
        return self.f(x, shortcut, self.activation)  # type: ignore[no-any-return]


def make_block(arch: Arch, inputs: int, stage: Stage, stride: int, *, drop_path_rate: float = 0.0) -> nn.Module:
    """Make one block of the network's family.

    Args:
        arch: The network.
        inputs: Input channels.
        stage: The stage that has the block.
        stride: Of the block.
        drop_path_rate: Probability of stochastic depth in training.
    """
    family = arch.family
    if family.shortcut == "none":
        return VanillaBlock(inputs, stage, stride, family)
    return ResidualBlock(inputs, stage, stride, family, arch.se_ratio, drop_path_rate=drop_path_rate)


class Head(nn.Module):
    """Global average pool, dropout and linear: (N, C, H, W) -> (N, num_classes).

    With head_width, a 1x1 convolution with batch norm and activation comes first. After blocks that end linear the
    activation is there even without that convolution, as in timm's RegNetZ.
    """

    def __init__(self, arch: Arch, *, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.drop_rate = drop_rate
        width = arch.stages[-1].width
        self.activation = arch.family.activation if arch.head_width or arch.family.is_linear else ""
        self.conv = conv2d(width, arch.head_width, 1) if arch.head_width else None
        self.bn = nn.BatchNorm2d(arch.head_width) if arch.head_width else None
        self.fc: nn.Module = nn.Linear(arch.num_features, arch.num_classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.pool(self.features(x)))
        return logits

    def features(self, x: Tensor) -> Tensor:
        """The map to be pooled: (N, C, H, W) -> (N, num_features, H, W)."""
        if self.conv is not None and self.bn is not None:
            return conv_bn_act(x, self.conv, self.bn, self.activation)
        if not self.activation:
            return x
        return (
            functional.silu(x) if self.activation == "silu" else torch.relu(x)
        )  # not in place: the last stage's map stays

    def pool(self, x: Tensor) -> Tensor:
        """The input of the classifier: (N, num_features, H, W) -> (N, num_features)."""
        pooled = global_avg_pool(x)
        if self.training and self.drop_rate:
            pooled = functional.dropout(pooled, self.drop_rate)
        return pooled
