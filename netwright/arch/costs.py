"""How much a network costs: multiply-adds, trainable parameters, activations; arrays in, arrays out.

Conventions of the model zoo that published the RegNets (DDS, arXiv 2003.13678): flops are multiply-adds of convolutions
and the linear layer, biases included; acts are the outputs of all convolutions, linear layers and pools; normalization
counts as parameters only; squeeze-and-excitation is two 1x1 convolutions with bias on a single pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.arch.batch import ArchBatch
from netwright.arch.block import BLOCKS, STEMS
from netwright.arch.spec import Arch

__all__ = ["Complexity", "complexity"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Complexity:
    """The costs of n networks.

    Attributes:
        flops: (n,) int64, multiply-adds of one image.
        params: (n,) int64, trainable parameters.
        acts: (n,) int64, activations of one image.
    """

    flops: Ints
    params: Ints
    acts: Ints


@dataclass(slots=True)
class _Sum:
    """The running totals of a batch."""

    flops: Ints
    params: Ints
    acts: Ints

    def conv(self, present: Ints, kernel: int, inputs: Ints, outputs: Ints, side: Ints, bias: bool = False) -> None:
        """`present` equal convolutions with batch norm (or bias): inputs = channels that each output channel sees."""
        weights = kernel * kernel * inputs * outputs
        pixels = side * side
        self.flops += present * (weights + (outputs if bias else 0)) * pixels
        self.params += present * (weights + (outputs if bias else 2 * outputs))
        self.acts += present * outputs * pixels


def complexity(networks: ArchBatch | Arch) -> Complexity:
    """Multiply-adds, parameters and activations of each network at its own resolution.

    Equal to the last digit to the published counts of the 24 RegNets of DDS, and to what the built modules count.

    Args:
        networks: A batch of n networks, or one.

    Returns:
        Arrays of shape (n,), or (1,) for one network.
    """
    batch = ArchBatch.from_archs([networks]) if isinstance(networks, Arch) else networks
    n = len(batch)
    one = np.ones(n, np.int64)
    total = _Sum(*(np.zeros(n, np.int64) for _ in range(3)))

    stem, block = STEMS[batch.stem], BLOCKS[batch.block]
    side = _strided(batch.resolution, stem.stride)
    total.conv(one, stem.kernel, batch.in_channels * one, batch.stem_width, side)
    if stem.pools:
        side = _strided(side, 2)
        total.acts += batch.stem_width * side * side
    width_in = batch.stem_width
    inner_widths = batch.inner_width
    for s in range(batch.depth.shape[1]):
        depth, width, stride = batch.depth[:, s], batch.width[:, s], batch.stride[:, s]
        inner, group_width = inner_widths[:, s], batch.group_width[:, s]
        first = (depth > 0).astype(np.int64)
        rest = depth - first
        side_in, side = side, np.where(first > 0, _strided(side, stride), side)

        if block.is_bottleneck:
            total.conv(first, 1, width_in, inner, side_in)
            total.conv(rest, 1, width, inner, side)
            total.conv(depth, 3, group_width, inner, side)
            total.conv(depth, 1, inner, width, side)
        else:
            total.conv(first, 3, width_in, width, side)
            total.conv(rest + depth, 3, width, width, side)
        if block.shortcut == "projected":
            projects = first * ((stride != 1) | (width_in != width))
            total.conv(projects, 1, width_in, width, side)
        if batch.se_ratio:
            for blocks, entering in ((first, width_in), (rest, width)):
                squeezed = np.maximum(1, np.rint(batch.se_ratio * entering).astype(np.int64))
                total.conv(blocks, 1, inner, squeezed, one, bias=True)
                total.conv(blocks, 1, squeezed, inner, one, bias=True)
        width_in = np.where(first > 0, width, width_in)

    if batch.head_width:
        total.conv(one, 1, width_in, batch.head_width * one, side)
        width_in = batch.head_width * one
    linear = (width_in + 1) * batch.num_classes
    return Complexity(total.flops + linear, total.params + linear, total.acts + batch.num_classes)


def _strided(side: Ints, stride: Ints | int) -> Ints:
    """Pixels a side after a convolution or pool with that stride, padded by half its kernel."""
    strided: Ints = -(-side // stride)
    return strided
