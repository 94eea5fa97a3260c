"""How much a network costs: multiply-adds, trainable parameters, activations; arrays in, arrays out.

Conventions of the model zoo that published the RegNets (DDS, arXiv 2003.13678): flops are multiply-adds of convolutions
and the linear layer, biases included; acts are the outputs of all convolutions, linear layers and pools; normalization
counts as parameters only; squeeze-and-excitation is two 1x1 convolutions with bias on a single pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from netwright.arch.block import BLOCKS, STEMS

__all__ = ["Columns", "Complexity", "count"]

Ints = npt.NDArray[np.int64]


class Columns(Protocol):
    """The columns of n networks that their costs depend on; an `ArchBatch` has them."""

    @property
    def depth(self) -> Ints: ...
    @property
    def width(self) -> Ints: ...
    @property
    def stride(self) -> Ints: ...
    @property
    def inner_width(self) -> Ints: ...
    @property
    def group_width(self) -> Ints: ...
    @property
    def stem_width(self) -> Ints: ...
    @property
    def resolution(self) -> Ints: ...
    @property
    def block(self) -> str: ...
    @property
    def stem(self) -> str: ...
    @property
    def se_ratio(self) -> float: ...
    @property
    def head_width(self) -> int: ...
    @property
    def num_classes(self) -> int: ...
    @property
    def in_channels(self) -> int: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Complexity:
    """flops, params, acts: (n,) int64, one entry a network."""

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


def count(batch: Columns) -> Complexity:
    """The costs of each network; see `netwright.arch.complexity`."""
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
