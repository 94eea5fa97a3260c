"""A network for inference: batch norm folded into the convolutions before it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from netwright.errors import ArchError
from netwright.nn.anynet import AnyNet
from netwright.nn.convolve import FusedConv

__all__ = ["fuse"]

# a batch norm's name -> those of the convolution beside it, of which there is one
_BEFORE = {"bn": ("conv", "proj"), "a_bn": ("a",), "b_bn": ("b",), "c_bn": ("c",)}


@torch.no_grad()
def fuse(module: AnyNet, *, channels_last: bool = True) -> AnyNet:
    """A copy for inference, with the same results to rounding and less work; the module stays as it is.

    Batch norm is an affine map of each channel in evaluation, so that it scales the convolution's weights and becomes
    its bias (in float64, then rounded once). On CPUs convolution, addition and activation become one operation, too.
    channels_last: lay the weights out as (N, H, W, C), which makes the maps so and is faster on CPUs and tensor cores.
    The copy has other parameter names and cannot be trained or saved as weights; fuse again after training more.
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
        raise ArchError("batch norm can be fused with the statistics that it kept, and this one keeps none. Train it.")
    scale = torch.rsqrt(variance.double() + norm.eps)
    if norm.affine:
        scale = scale * norm.weight.double()
    bias = -mean.double() * scale
    if norm.affine:
        bias = bias + norm.bias.double()
    if conv.bias is not None:
        bias = bias + conv.bias.double() * scale
    return _with(conv, conv.weight.double() * scale[:, None, None, None], bias)


def _with(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> FusedConv:
    assert isinstance(conv.padding, tuple), "ours are padded by numbers"
    with torch.device("meta"):
        fused = FusedConv(
            conv.in_channels, conv.out_channels, (conv.kernel_size[0], conv.kernel_size[1]),
            stride=(conv.stride[0], conv.stride[1]), padding=(conv.padding[0], conv.padding[1]), groups=conv.groups,
        )  # fmt: skip
    fused.weight = nn.Parameter(weight.to(conv.weight.dtype), requires_grad=False)
    fused.bias = nn.Parameter(bias.to(conv.weight.dtype), requires_grad=False)
    return fused.eval()
