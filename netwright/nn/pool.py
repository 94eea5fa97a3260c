"""The mean over a map, with a gradient that costs little."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["pixel_mean"]


def pixel_mean(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C). x.mean((2, 3)) to the bit, and in training faster than that."""
    if not x.requires_grad or torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return x.mean((2, 3))
    mean: Tensor = _PixelMean.apply(x)
    return mean


class _PixelMean(torch.autograd.Function):
    """torch writes the gradient of a mean out for each pixel, as (N, C, H, W) even where maps lie as (N, H, W, C), and
    then adds it to another gradient across memory; here it is a view that needs none."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape = x.shape
        return x.mean((2, 3))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        n, c, height, width = ctx.shape
        each: Tensor = (gradient / (height * width))[:, :, None, None]
        return each.expand(n, c, height, width)
