"""RegNet: from the six parameters to stages.

u_j = w0 + wa * j for block j; s_j = log(u_j / w0) / log(wm); the block's width is w0 * wm ** round(s_j), to the nearest
multiple of 8; runs of equal width are the stages. Source: DDS (arXiv 2003.13678), equations 2 to 4.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netwright.arch.block import BLOCKS
from netwright.arch.divisible import compatible
from netwright.arch.spec import Arch, Stage, Stem
from netwright.errors import ArchError

__all__ = ["QUANTUM", "block_widths", "quantized_linear", "regnet", "stages_of", "steps_taken"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

QUANTUM = 8  # every width is a multiple of this


def quantized_linear(depth: int, w0: Floats, wa: Floats, wm: Floats) -> tuple[Ints, Floats]:
    """Steps round(s_j) of each block, (n, depth), and the unrounded width w0 * wm ** k of each step k, (n, steps).

    w0, wa, wm: (n,), w0 > 0, wa >= 0, wm > 1. The widths of the blocks are `take_along_axis(widths, steps, axis=1)`:
    steps are few, so a power for each of them is cheaper than one for each block.
    """
    us = wa[:, None] * np.arange(depth)
    us += w0[:, None]
    us /= w0[:, None]
    s = np.log(us, out=us)
    s /= np.log(wm)[:, None]
    steps = np.rint(s, out=s).astype(np.int64)
    return steps, w0[:, None] * wm[:, None] ** np.arange(steps.max(initial=0) + 1.0)


def block_widths(depth: npt.ArrayLike, w0: npt.ArrayLike, wa: npt.ArrayLike, wm: npt.ArrayLike) -> Ints:
    """The width of each block of n RegNets: DDS, equations 2 to 4.

    Args:
        depth: (n,), blocks, at least 1.
        w0: (n,), initial width, above 0.
        wa: (n,), slope, at least 0.
        wm: (n,), width multiplier, above 1.

    Returns:
        (n, largest depth) int64, multiples of 8, 0 beyond a network's depth.

    Raises:
        ArchError: A value out of these ranges.
    """
    d = np.atleast_1d(np.asarray(depth, np.int64))
    most = int(d.max(initial=0))
    start, slope, step = (np.atleast_1d(np.asarray(value, np.float64)) for value in (w0, wa, wm))
    if not ((start > 0).all() and (slope >= 0).all() and (step > 1).all() and (d > 0).all()):
        raise ArchError("a RegNet has depth >= 1, w0 > 0, wa >= 0 and wm > 1; at least one of these is not so.")
    steps, of_step = quantized_linear(most, start, slope, step)
    rounded = np.maximum(QUANTUM, np.rint(of_step / QUANTUM).astype(np.int64) * QUANTUM)
    widths = np.take_along_axis(rounded, steps, axis=1)
    widths[np.arange(most) >= d[:, None]] = 0
    return widths


def steps_taken(depth: Floats, w0: Floats, wa: Floats, wm: Floats) -> Ints:
    """(n,) how many steps the quantized linear function has from the first block to the last, each (n,) as above.

    A network may have fewer stages: where a step has no block, or two steps round to one width.
    """
    ratio = (wa * (np.asarray(depth, np.float64) - 1) + w0) / w0
    return np.rint(np.log(ratio) / np.log(wm)).astype(np.int64) + 1


def stages_of(widths: Ints) -> tuple[Ints, Ints]:
    """Runs of equal width as stages.

    Args:
        widths: (n, d), 0 beyond a network's end.

    Returns:
        (depth, width), each (n, s) int64, 0 for absent stages.
    """
    n, most = widths.shape
    present = widths > 0
    stage = np.zeros((n, most), np.int64)
    np.cumsum((widths[:, 1:] != widths[:, :-1]) & present[:, 1:], axis=1, out=stage[:, 1:])
    stages = int(stage.max(initial=0)) + 1
    row, column = np.nonzero(present)
    cell = row * stages + stage[row, column]
    depth = np.bincount(cell, minlength=n * stages)
    width = np.zeros(n * stages, np.int64)
    width[cell] = widths[row, column]
    return depth.reshape(n, stages), width.reshape(n, stages)


def regnet(
    depth: int,
    w0: float,
    wa: float,
    wm: float,
    group_width: int = 0,
    bottleneck: float = 1.0,
    *,
    block: str = "x",
    stem: Stem | None = None,
    resolution: int = 224,
    num_classes: int = 1000,
    in_channels: int = 3,
    rule: str = "pycls",
    head_width: int = 0,
    name: str = "",
) -> Arch:
    """The RegNet of these parameters: DDS (arXiv 2003.13678), section 3.3.

    Args:
        depth: Blocks of the whole body, at least 1.
        w0: Initial width, above 0.
        wa: Slope, at least 0.
        wm: Width multiplier, above 1.
        group_width: Channels of a group, 0 for one group.
        bottleneck: It divides (b of DDS).
        block: A key of `BLOCKS`.
        stem: The first convolution; None is 3x3, stride 2, of 32 channels.
        resolution: Pixels a side of the square input.
        num_classes: Outputs.
        in_channels: 1 for gray, 3 for RGB.
        rule: How widths and groups are made to agree, a key of `ROUNDING`.
        head_width: Channels of the head's convolution, 0 for none.
        name: Of the network.

    Raises:
        ArchError: A value that cannot be.
    """
    depths, widths = (column[0] for column in stages_of(block_widths(depth, w0, wa, wm)))
    rounded, groups = compatible(widths, np.full(len(widths), bottleneck), np.full(len(widths), group_width), rule)
    stages = tuple(
        Stage(depth=int(d), width=int(w), bottleneck=bottleneck, group_width=int(g))
        for d, w, g in zip(depths, rounded, groups, strict=True)
    )
    return Arch(
        stages=stages,
        block=block,
        stem=stem or Stem(),
        se_ratio=BLOCKS[block].se_ratio if block in BLOCKS else 0.0,
        head_width=head_width,
        resolution=resolution,
        num_classes=num_classes,
        in_channels=in_channels,
        name=name,
    )
