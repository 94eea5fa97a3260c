"""When batch norm is folded into the convolutions before a network is asked."""

from __future__ import annotations

import torch
from torch import nn

from netwright.nn import AnyNet

__all__ = ["is_foldable"]

# on CPUs convolution, addition and activation become one operation then: 1.2 to 1.4 times the images a second (log.md);
# in fp16 folded weights could leave its range, and elsewhere nothing was measured
_PRECISIONS = ("fp32", "bf16")


def is_foldable(module: nn.Module, device: torch.device, precision: str) -> bool:
    """Whether folding pays and gives the same answers to rounding. precision: resolved."""
    return isinstance(module, AnyNet) and device.type == "cpu" and precision in _PRECISIONS
