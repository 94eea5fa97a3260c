"""A convolution with its batch norm, what is added to it, and its activation: one by one, or at once when fused."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FusedConv", "activate", "conv", "unit"]

# activations that oneDNN, the library of convolutions on CPUs, does best with the convolution: its SiLU is slower than
# torch's own pass over the map (RegNetZ-500MF: 422 against 359 ms, batch 16, one core of an AMD EPYC with AVX-512)
_WITHIN = ("relu",)
# torch.compile's own way to oneDNN's fused convolutions: not public, so that everything works without it
_ONEDNN_CONV: Any = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
_ONEDNN_PACK: Any = getattr(torch.ops.mkldnn, "_reorder_convolution_weight", None)
_HAS_ONEDNN = bool(torch.backends.mkldnn.is_available()) and None not in (_ONEDNN_CONV, _ONEDNN_PACK)  # type: ignore[no-untyped-call]


def conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Without bias, padded by half its kernel: (N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)


def activate(x: Tensor, kind: str) -> Tensor:
    """In place. kind: relu or silu, as `Block.activation` has it; "" for none."""
    if not kind:
        return x
    return functional.silu(x, inplace=True) if kind == "silu" else torch.relu_(x)


def unit(x: Tensor, conv: nn.Conv2d, norm: nn.Module, activation: str = "", added: Tensor | None = None) -> Tensor:
    """activation(norm(conv(x)) + added). added: of the result's shape; it stays as it is."""
    if isinstance(conv, FusedConv):
        fused: Tensor = conv(x, activation, added)
        return fused
    x = norm(conv(x))
    if added is not None:
        x = x.add_(added)  # in place: nothing needs the branch alone
    return activate(x, activation)


class FusedConv(nn.Conv2d):
    """A convolution with batch norm folded into its weights and bias, for inference; `fuse` makes them.

    On a CPU it adds and activates while its results are in the cache, and keeps its weights a second time, in the order
    in which the kernel for the last input's shape reads them. With gradients, for torch.compile and exporters, and on
    other devices it is plain operations.
    """

    _packed: tuple[tuple[object, ...], Tensor] | None = None

    def forward(self, x: Tensor, activation: str = "", added: Tensor | None = None) -> Tensor:
        """activation(conv(x) + added)."""
        dtype = _at_once(x, self.weight)
        if dtype is None:
            y = super().forward(x)
            return activate(y if added is None else y.add_(added), activation)
        x, where = x.to(dtype), (self.padding, self.stride, self.dilation, self.groups)
        packed, bias = self._pack(x), None if self.bias is None else self.bias.to(dtype)
        within = activation if activation in _WITHIN else None
        if added is None:
            y = _ONEDNN_CONV(x, packed, bias, *where, within or "none", [], "")
        else:
            y = _ONEDNN_CONV.binary(x, added.to(dtype), packed, bias, *where, "add", 1.0, within, [], None)
        return y if within else activate(y, activation)

    def _pack(self, x: Tensor) -> Tensor:
        """The weights as x wants them; made anew where its shape, or the weights, are not those of the last call."""
        weight, kept = self.weight, self._packed
        version = 0 if weight.is_inference() else weight._version
        key = (x.shape, x.dtype, weight.data_ptr(), version)
        if kept is None or kept[0] != key:
            where = (self.padding, self.stride, self.dilation, self.groups)
            # one assignment: threads may share the network
            self._packed = kept = (key, _ONEDNN_PACK(weight.detach().to(x.dtype), *where, list(x.shape)))
        return kept[1]

    def __getstate__(self) -> dict[str, object]:
        # packed weights are opaque: they cannot be copied or pickled
        return {name: value for name, value in self.__dict__.items() if name != "_packed"}


def _at_once(x: Tensor, weight: Tensor) -> torch.dtype | None:
    """The type that oneDNN's fused convolution would compute in; None where it does not do what plain operations do."""
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
