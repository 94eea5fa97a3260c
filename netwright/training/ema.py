"""An exponential moving average of the weights and statistics of a network, as timm's ModelEma."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

__all__ = ["EmaModel"]

_WARM_UP = 2000  # updates until the decay is 1 - 1/e of its final value (MindCV, YOLOv5)


class EmaModel:
    """A copy of a network in evaluation mode whose weights are a moving average.

    Update n keeps d * (1 - exp(-n / 2000)) of the average, so that the first updates forget the initial weights.
    Parameters and statistics are averaged, counters are copied. A checkpoint needs `module.state_dict()` and `updates`.

    Args:
        module: The network, maybe wrapped (DistributedDataParallel, torch.compile), on its device and in its memory
            format.
        decay: d above.

    Attributes:
        module: The averaged network.
        updates: Number of updates so far.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.module = copy.deepcopy(_unwrap(module)).eval().requires_grad_(False)
        self.module.zero_grad(set_to_none=True)
        self._averages, self._counters = _values(self.module)

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Update the average after a step that changed the weights."""
        self.updates += 1
        averaged, counters = _values(_unwrap(module))
        torch._foreach_lerp_(self._averages, averaged, 1.0 - self.decay_at(self.updates))
        if counters:
            torch._foreach_copy_(self._counters, counters)

    def decay_at(self, update: int) -> float:
        """The decay at update 1, 2, ..."""
        return self.decay * (1.0 - math.exp(-update / _WARM_UP))


def _unwrap(module: nn.Module) -> nn.Module:
    while True:
        inner = getattr(module, "_orig_mod", None)  # torch.compile
        if inner is None and isinstance(module, nn.parallel.DistributedDataParallel):
            inner = module.module
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def _values(module: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """(tensors that are averaged, integer counters that are copied), in the order of the module."""
    values = [value.detach() for value in (*module.parameters(), *module.buffers())]
    averaged = [value for value in values if value.is_floating_point()]
    return averaged, [value for value in values if not value.is_floating_point()]
