"""The parts of an AnyNet: stems, blocks and head. Names inside modules follow the published checkpoints of DDS."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.arch import STEMS, Stage, Stem

__all__ = ["Head", "SimpleStem", "SqueezeExcite", "XBlock"]


def conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)


class SimpleStem(nn.Module):
    """3x3 convolution, batch norm, ReLU; stride 2 (`simple`) or 1 (`cifar`)."""

    def __init__(self, in_channels: int, stem: Stem) -> None:
        super().__init__()
        self.conv = conv(in_channels, stem.width, 3, stride=STEMS[stem.kind])
        self.bn = nn.BatchNorm2d(stem.width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.bn(self.conv(x)))


class SqueezeExcite(nn.Module):
    """Channel gates from the globally pooled input: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.f_ex = nn.Sequential(
            nn.Conv2d(width, squeezed, 1), nn.ReLU(inplace=True), nn.Conv2d(squeezed, width, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        gates: Tensor = self.f_ex(x.mean((2, 3), keepdim=True))
        return x * gates


class BottleneckTransform(nn.Module):
    """1x1, 3x3 grouped, (squeeze-and-excitation), 1x1; each convolution with batch norm, the first two with ReLU."""

    def __init__(self, inputs: int, stage: Stage, stride: int, se_ratio: float) -> None:
        super().__init__()
        inner = stage.inner_width
        self.a = conv(inputs, inner, 1)
        self.a_bn = nn.BatchNorm2d(inner)
        self.b = conv(inner, inner, 3, stride=stride, groups=stage.groups)
        self.b_bn = nn.BatchNorm2d(inner)
        # the squeezed width is a share of the block's input, not of the inner width
        self.se = SqueezeExcite(inner, max(1, round(inputs * se_ratio))) if se_ratio else None
        self.c = conv(inner, stage.width, 1)
        self.c_bn = nn.BatchNorm2d(stage.width)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu_(self.a_bn(self.a(x)))
        x = torch.relu_(self.b_bn(self.b(x)))
        if self.se is not None:
            x = self.se(x)
        return self.c_bn(self.c(x))  # type: ignore[no-any-return]


def drop_samples(branch: Tensor, rate: float) -> Tensor:
    """Stochastic depth (arXiv 1603.09382): of each sample of the batch the whole branch is kept, with probability
    1 - rate and divided by it, or zero. branch: (N, C, H, W)."""
    keep = 1.0 - rate
    mask = branch.new_empty((branch.shape[0], 1, 1, 1)).bernoulli_(keep).div_(keep)
    return branch * mask


class XBlock(nn.Module):
    """Residual bottleneck; the shortcut is a 1x1 convolution where the shape changes. Y is X with se_ratio > 0.

    drop_path_rate: of stochastic depth, in training.
    """

    def __init__(self, inputs: int, stage: Stage, stride: int, se_ratio: float, *, drop_path_rate: float = 0.0) -> None:
        super().__init__()
        self.drop_path_rate = drop_path_rate
        changes = inputs != stage.width or stride != 1
        self.proj = conv(inputs, stage.width, 1, stride=stride) if changes else None
        self.bn = nn.BatchNorm2d(stage.width) if changes else None
        self.f = BottleneckTransform(inputs, stage, stride, se_ratio)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.proj is None or self.bn is None else self.bn(self.proj(x))
        branch = self.f(x)
        if self.training and self.drop_path_rate:
            branch = drop_samples(branch, self.drop_path_rate)
        return torch.relu_(branch.add_(shortcut))  # in place: nothing needs the branch again


class Head(nn.Module):
    """Global average pool, dropout and linear: (N, C, H, W) -> (N, classes). drop_rate: in training."""

    def __init__(self, width: int, num_classes: int, *, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.drop_rate = drop_rate
        self.fc = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean((2, 3))
        if self.training and self.drop_rate:
            pooled = nn.functional.dropout(pooled, self.drop_rate)
        logits: Tensor = self.fc(pooled)
        return logits
