"""Mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899) of a batch with itself in reverse order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Mixing"]

# where both are asked for, each is drawn for half of the batches
_CUTMIX_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Mixing:
    """mixup, cutmix: alpha of the Beta distribution, 0: none; probability: that a batch is mixed at all.

    Draws and arithmetic are those of timm's Mixup with mode 'batch', of any batch size.
    """

    mixup: float
    cutmix: float
    probability: float
    classes: int

    @property
    def is_on(self) -> bool:
        return self.mixup > 0 or self.cutmix > 0

    def __call__(self, x: Tensor, target: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """x: (B, C, H, W), changed in place; target: (B,) int64 -> (B, classes) float32."""
        draw = np.random.RandomState(seed & 0xFFFFFFFF)
        share = 1.0
        if draw.rand() < self.probability:
            cut = self.cutmix > 0 and (self.mixup <= 0 or draw.rand() < _CUTMIX_SHARE)
            alpha = self.cutmix if cut else self.mixup
            share = float(draw.beta(alpha, alpha))
            share = _paste(x, share, draw) if cut else _blend(x, share)
        one_hot = torch.nn.functional.one_hot(target, self.classes).float()
        return x, one_hot * share + one_hot.flip(0) * (1.0 - share)


def _blend(x: Tensor, share: float) -> float:
    other = x.flip(0).mul_(1.0 - share)
    x.mul_(share).add_(other)
    return share


def _paste(x: Tensor, share: float, draw: np.random.RandomState) -> float:
    """Put a rectangle of the other image in; returns the share that is left of the own one."""
    height, width = x.shape[-2:]
    side = np.sqrt(1 - share)
    high, wide = int(height * side), int(width * side)
    y, x0 = draw.randint(0, height), draw.randint(0, width)
    top, bottom = (int(np.clip(edge, 0, height)) for edge in (y - high // 2, y + (high + 1) // 2))
    left, right = (int(np.clip(edge, 0, width)) for edge in (x0 - wide // 2, x0 + (wide + 1) // 2))
    x[:, :, top:bottom, left:right] = x[:, :, top:bottom, left:right].flip(0)
    return 1.0 - (bottom - top) * (right - left) / (height * width)
