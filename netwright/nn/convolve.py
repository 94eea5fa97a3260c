"""Convolution, batch norm, addition of a shortcut and activation: one by one, or as one operation when fused."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FusedConv", "NarrowStridedConv", "activate", "can_overwrite", "conv2d", "conv_bn_act"]

# activations that are faster within oneDNN's convolution (oneDNN computes convolutions on CPUs). Its SiLU is slower
# than torch's own pass over the map: RegNetZ-500MF 422 against 359 ms, batch 16, one core of an AMD EPYC with AVX-512
_FUSED_ACTIVATIONS = ("relu",)
# torch.compile's access to oneDNN's fused convolutions: not public, so everything also works without it
_ONEDNN_CONV: Any = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
_ONEDNN_PACK: Any = getattr(torch.ops.mkldnn, "_reorder_convolution_weight", None)
# channels of a block of oneDNN's kernels in fp32, at most (AVX-512)
_ONEDNN_BLOCK = 16
_HAS_ONEDNN = bool(torch.backends.mkldnn.is_available()) and None not in (_ONEDNN_CONV, _ONEDNN_PACK)  # type: ignore[no-untyped-call]


def conv2d(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution without bias, padded by half its kernel.

    (N, inputs, H, W) -> (N, outputs, H / stride, W / stride).
    """
    is_narrow = kernel == 1 and stride > 1 and groups == 1 and inputs < _ONEDNN_BLOCK
    kind = NarrowStridedConv if is_narrow else nn.Conv2d
    return kind(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)


def activate(x: Tensor, kind: str) -> Tensor:
    """Activate in place. kind: relu or silu, as in `Block.activation`; "" for none."""
    if not kind:
        return x
    return functional.silu(x, inplace=True) if kind == "silu" else torch.relu_(x)


def conv_bn_act(
    x: Tensor, conv: nn.Conv2d, norm: nn.Module, activation: str = "", shortcut: Tensor | None = None
) -> Tensor:
    """activation(norm(conv(x)) + shortcut).

    Args:
        x: (N, C, H, W).
        conv: The convolution.
        norm: Batch norm, or an identity after `fuse`.
        activation: relu or silu; "" for none.
        shortcut: Of the shape of the result; it is not changed.
    """
    if isinstance(conv, FusedConv):
        fused: Tensor = conv(x, activation, shortcut)
        return fused
    x = norm(conv(x))
    if _has_backward_hooks(norm):  # its result is a view then, which autograd lets nobody change
        x = x.clone()
    if shortcut is not None:
        x = x.add_(shortcut)  # in place: nothing else needs the branch
    return activate(x, activation)


def _has_backward_hooks(module: nn.Module) -> bool:
    hooks = torch.nn.modules.module
    return bool(
        module._backward_hooks
        or module._backward_pre_hooks
        or hooks._global_backward_hooks
        or hooks._global_backward_pre_hooks
    )


def can_overwrite(x: Tensor) -> bool:
    """Whether a result that nothing else needs may be changed in place: with gradients, or in a recorded graph, which
    may be used with gradients later, it may not."""
    is_traced = not torch.compiler.is_compiling() and torch._C._get_tracing_state() is not None
    return type(x) is Tensor and not torch.is_grad_enabled() and not is_traced


class NarrowStridedConv(nn.Conv2d):
    """A 1x1 convolution with stride, of few channels: it takes every stride-th pixel first, then convolves those.

    The same result, by a way around a fault of oneDNN, which computes convolutions on CPUs. For the gradient of such
    weights in channels_last memory it copies those pixels in blocks of 16 channels (8 with AVX2) to a place that has
    room for the channels that there are, and writes behind its end: the process dies, hangs, or goes on with changed
    numbers. https://github.com/uxlfoundation/oneDNN/issues/6035, seen with torch 2.14.1 in fp32 and bf16.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride)."""
        down, right = self.stride
        return functional.conv2d(x[:, :, ::down, ::right], self.weight)


class FusedConv(nn.Conv2d):
    """A convolution with batch norm folded into its weights and bias, for inference; made by `fuse`.

    On a CPU it adds and activates while its results are in the cache. For that it keeps a second copy of its weights,
    in the order in which the kernel for the last input's shape reads them. With gradients, under torch.compile or an
    exporter, and on other devices it computes with torch's plain operations.
    """

    _packed: tuple[tuple[object, ...], Tensor] | None = None

    def forward(self, x: Tensor, activation: str = "", shortcut: Tensor | None = None) -> Tensor:
        """activation(conv(x) + shortcut)."""
        dtype = _fused_dtype(x, self.weight)
        if dtype is None:
            y = super().forward(x)
            if _has_backward_hooks(self):
                y = y.clone()
            return activate(y if shortcut is None else y.add_(shortcut), activation)
        x, where = x.to(dtype), (self.padding, self.stride, self.dilation, self.groups)
        packed, bias = self._pack(x), None if self.bias is None else self.bias.to(dtype)
        fused_activation = activation if activation in _FUSED_ACTIVATIONS else None
        if shortcut is None:
            y = _ONEDNN_CONV(x, packed, bias, *where, fused_activation or "none", [], "")
        else:
            y = _ONEDNN_CONV.binary(x, shortcut.to(dtype), packed, bias, *where, "add", 1.0, fused_activation, [], None)
        return y if fused_activation else activate(y, activation)

    def _pack(self, x: Tensor) -> Tensor:
        """The weights packed for the shape of x; packed again when the shape or the weights have changed."""
        weight, kept = self.weight, self._packed
        version = 0 if weight.is_inference() else weight._version
        key = (x.shape, x.dtype, weight.data_ptr(), version)
        if kept is None or kept[0] != key:
            where = (self.padding, self.stride, self.dilation, self.groups)
            # a single assignment: threads may share the network
            self._packed = kept = (key, _ONEDNN_PACK(weight.detach().to(x.dtype), *where, list(x.shape)))
        return kept[1]

    def __getstate__(self) -> dict[str, object]:
        # packed weights are opaque: they cannot be copied or pickled
        return {name: value for name, value in self.__dict__.items() if name != "_packed"}


def _fused_dtype(x: Tensor, weight: Tensor) -> torch.dtype | None:
    """The type that oneDNN's fused convolution computes in; None where plain operations must be used."""
    special = torch.is_grad_enabled() or torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None
    if not _HAS_ONEDNN or special or type(x) is not Tensor or x.device.type != "cpu" or x.numel() == 0:
        return None
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
    elif x.dtype == weight.dtype:
        dtype = x.dtype
    else:
        return None
    return dtype if dtype in (torch.float32, torch.bfloat16) else None
