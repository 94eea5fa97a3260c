"""How much a network costs."""

from __future__ import annotations

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
    return count(ArchBatch.from_archs([networks]) if isinstance(networks, Arch) else networks)
