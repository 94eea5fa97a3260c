"""Global average pooling with a cheap gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["global_avg_pool"]


def global_avg_pool(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C). The same bits as x.mean((2, 3)), and faster in training."""
    # a stand-in of torch.fx or torch.export has no gradient to ask for
    if (
        type(x) is not Tensor
        or not x.requires_grad
        or torch.compiler.is_compiling()
        or torch._C._get_tracing_state() is not None
    ):
        return x.mean((2, 3))
    mean: Tensor = _GlobalAvgPool.apply(x)
    return mean


class _GlobalAvgPool(torch.autograd.Function):
    """Gives the gradient as a view.

    torch would write it out for each pixel, in the layout (N, C, H, W) even where maps are stored as (N, H, W, C), and
    then add it to another gradient across memory.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape = x.shape
        return x.mean((2, 3))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        n, c, height, width = ctx.shape
        each: Tensor = (gradient / (height * width))[:, :, None, None]
        return each.expand(n, c, height, width)
