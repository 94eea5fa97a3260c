"""What a network's latency follows from: counts of its stages, by the kind of work; numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netwright.arch import BLOCKS, STEMS, ArchBatch, complexity

__all__ = ["FEATURES", "work_of"]

Floats = npt.NDArray[np.float64]

FEATURES = (
    "blocks",  # each is a handful of calls into the runtime, whatever its size
    "dense flops",  # of convolutions of all channels, which are products of matrices
    "grouped flops",  # of the 3x3 convolutions with groups of a multiple of 16 channels, which fill vectors
    "odd grouped flops",  # of those with other groups: ONNX Runtime takes another path for them
    "depthwise outputs",  # of groups of one channel, for which there are kernels of their own
    "narrow outputs",  # of these, each counted 1 / group width: narrow groups do little with what they load
    "acts",  # what is written and read again between layers
    "params",  # weights are read once for each answer
    "small maps",  # outputs at the sides of a map, which fill registers and tiles badly
)

_VECTOR = 16  # floats of a vector register of 512 bits


def work_of(batch: ArchBatch) -> Floats:
    """Count the work of one image.

    Args:
        batch: n networks.

    Returns:
        (n, len(FEATURES)), each in units that make it about 1 for a network of a few million flops.
    """
    parts = batch.parts()
    if len(parts) > 1:
        found = np.zeros((len(batch), len(FEATURES)))
        for places, part in parts:
            found[places] = work_of(part)
        return found
    batch = parts[0][1] if parts else batch
    cost, block = complexity(batch), BLOCKS[batch.block]
    n = len(batch)
    blocks, even, odd, depthwise, narrow, edges = (np.zeros(n) for _ in range(6))
    side = _strided(batch.resolution, STEMS[batch.stem].stride)
    if STEMS[batch.stem].pools:
        side = _strided(side, 2)
    inner_widths = batch.inner_width
    for s in range(batch.depth.shape[1]):
        depth, width, group_width = batch.depth[:, s], batch.width[:, s], batch.group_width[:, s]
        present = depth > 0
        side = np.where(present, _strided(side, batch.stride[:, s]), side)
        pixels = (side * side).astype(np.float64)
        blocks += depth
        edges += depth * width * side
        if block.is_grouped:
            outputs = depth * inner_widths[:, s] * pixels
            is_grouped = present & (group_width < inner_widths[:, s])
            flops = np.where(is_grouped, 9.0 * group_width * outputs, 0.0)
            even += np.where(group_width % _VECTOR == 0, flops, 0.0)
            odd += np.where((group_width % _VECTOR > 0) & (group_width > 1), flops, 0.0)
            depthwise += np.where(is_grouped & (group_width == 1), outputs, 0.0)
            narrow += np.where(is_grouped, outputs / group_width, 0.0)
    dense = cost.flops - even - odd - 9.0 * depthwise
    columns = (
        *(blocks / 10, dense / 3e6, even / 3e6, odd / 3e6, depthwise / 1e5, narrow / 1e5),
        *(cost.acts / 1e5, cost.params / 3e5, edges / 3e4),
    )
    return np.column_stack([np.asarray(column, np.float64) for column in columns])


def _strided(side: npt.NDArray[np.int64], stride: npt.NDArray[np.int64] | int) -> npt.NDArray[np.int64]:
    """Pixels a side after a convolution with that stride, padded by half its kernel."""
    found: npt.NDArray[np.int64] = -(-side // stride)
    return found
