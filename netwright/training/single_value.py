"""Whether batch norm would see a single value a channel, from which it cannot learn."""

from __future__ import annotations

from torch import nn

from netwright.arch import Arch
from netwright.arch.last_map import last_map

__all__ = ["sees_one_value"]


def sees_one_value(module: nn.Module, arch: Arch) -> bool:
    """Whether a batch norm that learns its statistics would see a single value a channel in a batch of one image."""
    if last_map(arch) > 1:
        return False
    was_training = module.training
    module.train()
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    found = bool(norms) and norms[-1].training  # frozen ones stay in evaluation mode
    module.train(was_training)
    return found
