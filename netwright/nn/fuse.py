"""Fold batch norm into the convolutions before it, for inference."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from netwright.errors import ArchError
from netwright.nn.anynet import AnyNet
from netwright.nn.convolve import FusedConv

__all__ = ["fuse"]

# name of a batch norm -> possible names of its convolution; a part has one of them
_BEFORE = {"bn": ("conv", "proj"), "a_bn": ("a",), "b_bn": ("b",), "c_bn": ("c",)}


@torch.no_grad()
def fuse(module: AnyNet, *, channels_last: bool = True) -> AnyNet:
    """Copy a network for inference, with batch norm folded in: the same results up to rounding, in less time.

    In evaluation mode batch norm is an affine map of each channel: it scales the convolution's weights and becomes its
    bias (computed in float64, then rounded once). On CPUs convolution, addition and activation also become one
    operation. The copy has other parameter names and cannot be trained or saved as weights; fuse again after training
    further.

    Args:
        module: The network; it is not changed.
        channels_last: Store the weights as (N, H, W, C), which makes the maps so too and is faster on CPUs and tensor
            cores.

    Returns:
        The copy, in evaluation mode, without gradients.

    Raises:
        ArchError: A batch norm keeps no statistics.
    """
    fused = copy.deepcopy(module).eval().requires_grad_(False)
    for part in list(fused.modules()):
        for name, norm in list(part.named_children()):
            if not isinstance(norm, nn.modules.batchnorm._BatchNorm):
                continue
            before = next(each for each in _BEFORE[name] if isinstance(getattr(part, each, None), nn.Conv2d))
            setattr(part, before, _folded(getattr(part, before), norm))
            setattr(part, name, nn.Identity())
    fused.is_fused = True
    return fused.to(memory_format=torch.channels_last) if channels_last else fused


def _folded(conv: nn.Conv2d, norm: nn.modules.batchnorm._BatchNorm) -> FusedConv:
    """norm(conv(x)) as one convolution."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise ArchError(
            "fusing needs the running statistics of batch norm, and this one keeps none. Train it with them."
        )
    scale = torch.rsqrt(variance.double() + norm.eps)
    if norm.affine:
        scale = scale * norm.weight.double()
    bias = -mean.double() * scale
    if norm.affine:
        bias = bias + norm.bias.double()
    if conv.bias is not None:
        bias = bias + conv.bias.double() * scale
    return _make_fused_conv(conv, conv.weight.double() * scale[:, None, None, None], bias)


def _make_fused_conv(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> FusedConv:
    assert isinstance(conv.padding, tuple), "the convolutions of AnyNet are padded by numbers"
    with torch.device("meta"):
        fused = FusedConv(
            conv.in_channels, conv.out_channels, (conv.kernel_size[0], conv.kernel_size[1]),
            stride=(conv.stride[0], conv.stride[1]), padding=(conv.padding[0], conv.padding[1]), groups=conv.groups,
        )  # fmt: skip
    fused.weight = nn.Parameter(weight.to(conv.weight.dtype), requires_grad=False)
    fused.bias = nn.Parameter(bias.to(conv.weight.dtype), requires_grad=False)
    return fused.eval()
