"""Mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899) of a batch with itself in reverse order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Mixup"]

# with both, each is applied to half of the mixed batches
_CUTMIX_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Mixup:
    """Mixes a batch by mixup or CutMix; the same draws and arithmetic as timm's Mixup in mode 'batch', for any batch
    size.

    Attributes:
        mixup: Alpha of the Beta distribution; 0 for none.
        cutmix: Likewise.
        probability: That a batch is mixed.
        classes: Number of classes.
    """

    mixup: float
    cutmix: float
    probability: float
    classes: int

    @property
    def is_enabled(self) -> bool:
        return self.mixup > 0 or self.cutmix > 0

    def __call__(self, x: Tensor, target: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Mix a batch.

        Args:
            x: (B, C, H, W), changed in place.
            target: (B,) int64.
            seed: Of the draws.

        Returns:
            x, and the target as (B, classes) float32 probabilities.
        """
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
    """Paste a rectangle of the other image; returns the share of the own image that is left."""
    height, width = x.shape[-2:]
    side = np.sqrt(1 - share)
    high, wide = int(height * side), int(width * side)
    y, x0 = draw.randint(0, height), draw.randint(0, width)
    top, bottom = (int(np.clip(edge, 0, height)) for edge in (y - high // 2, y + (high + 1) // 2))
    left, right = (int(np.clip(edge, 0, width)) for edge in (x0 - wide // 2, x0 + (wide + 1) // 2))
    x[:, :, top:bottom, left:right] = x[:, :, top:bottom, left:right].flip(0)
    return 1.0 - (bottom - top) * (right - left) / (height * width)
