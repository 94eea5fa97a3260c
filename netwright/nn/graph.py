"""A network as one graph of torch.fx, for programs that do not read its code."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["graph_of"]


def graph_of(module: nn.Module) -> nn.Module:
    """The same network, with the same parameters under the same names, as torch.fx records it in its present mode.

    torch.jit.script takes the result.
    """
    traced = torch.fx.symbolic_trace(module)
    for node in traced.graph.nodes:
        node.type = None  # the name of an annotation, which the compiler of scripts does not know
    traced.recompile()
    return traced
