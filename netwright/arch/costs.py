"""How much a network costs."""

from __future__ import annotations

import numpy as np

from netwright.arch.batch import ArchBatch
from netwright.arch.counting import Complexity, count
from netwright.arch.spec import Arch

__all__ = ["Complexity", "complexity"]


def complexity(networks: ArchBatch | Arch) -> Complexity:
    """Multiply-adds, parameters and activations of each network at its own resolution.

    Equal to the last digit to the published counts of the 24 RegNets of DDS, and to what the built modules count.

    Args:
        networks: A batch of n networks, or one.

    Returns:
        Arrays of shape (n,), or (1,) for one network.
    """
    if isinstance(networks, Arch):
        return count(ArchBatch.from_archs([networks]))
    parts = networks.parts()
    if len(parts) < 2:
        return count(parts[0][1] if parts else networks)
    found = Complexity(*(np.zeros(len(networks), np.int64) for _ in range(3)))
    for places, part in parts:
        cost = count(part)
        found.flops[places], found.params[places], found.acts[places] = cost.flops, cost.params, cost.acts
    return found
