"""The network beside which all others are measured: the machine drifts, and their ratio stays."""

from __future__ import annotations

from dataclasses import replace

from netwright.arch import Arch, published

__all__ = ["reference_for"]

_NAME = "regnetx_200mf"


def reference_for(network: Arch) -> Arch:
    """regnetx_200mf (DDS) for images of the size and channels that a network takes.

    Its cost grows with the pixels as the budgets of design spaces do, so a turn of it is about as long as one of them.
    """
    return replace(published(_NAME), resolution=network.resolution, in_channels=network.in_channels, name=_NAME)
