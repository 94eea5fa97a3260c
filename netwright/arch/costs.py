"""How much a network costs."""

from __future__ import annotations

from netwright.arch.batch import ArchBatch
from netwright.arch.counting import Complexity, count
from netwright.arch.spec import Arch

__all__ = ["Complexity", "complexity"]


def complexity(networks: ArchBatch | Arch) -> Complexity:
    """Multiply-adds, parameters and activations of each network at its own resolution.

    Equal to the last digit to the published counts of all 24 RegNets, and to those of the built modules.
    """
    return count(ArchBatch.from_archs([networks]) if isinstance(networks, Arch) else networks)
