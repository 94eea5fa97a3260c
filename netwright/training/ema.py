"""An exponential moving average of a network's weights and statistics."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

__all__ = ["Ema"]

_WARM_UP = 2000  # updates after which the decay is 1 - 1/e of what it becomes (MindCV, YOLOv5)


class Ema:
    """A copy of a network, in evaluation mode, which follows it at every update.

    decay: what it keeps of itself at an update, d * (1 - exp(-n / 2000)) at the n-th, so that the first updates forget
    the initial weights. All parameters and statistics are averaged; counts (integers) are copied. The module may be
    wrapped (DistributedDataParallel, torch.compile) and must be on its device, in its memory format, already.
    For a checkpoint: `module.state_dict()` and `updates`, which can be loaded and set again.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.module = copy.deepcopy(_unwrapped(module)).eval().requires_grad_(False)
        self.module.zero_grad(set_to_none=True)
        self._averages, self._copies = _values(self.module)

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Once after each step that changed the weights."""
        self.updates += 1
        averaged, copied = _values(_unwrapped(module))
        torch._foreach_lerp_(self._averages, averaged, 1.0 - self.decay_at(self.updates))
        if copied:
            torch._foreach_copy_(self._copies, copied)

    def decay_at(self, update: int) -> float:
        """At an update 1, 2, ..."""
        return self.decay * (1.0 - math.exp(-update / _WARM_UP))


def _unwrapped(module: nn.Module) -> nn.Module:
    while True:
        inner = getattr(module, "_orig_mod", None)  # torch.compile
        if inner is None and isinstance(module, nn.parallel.DistributedDataParallel):
            inner = module.module
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def _values(module: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """What is averaged and what is copied, in the order of the module."""
    values = [value.detach() for value in (*module.parameters(), *module.buffers())]
    averaged = [value for value in values if value.is_floating_point()]
    return averaged, [value for value in values if not value.is_floating_point()]
