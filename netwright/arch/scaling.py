"""Scaling a network to a budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netwright.arch.batch import ArchBatch
from netwright.arch.costs import complexity
from netwright.arch.divisible import compatible
from netwright.arch.spec import Arch
from netwright.errors import ArchError

__all__ = ["scale_to_flops"]


def scale_to_flops(arch: Arch, flops: float, *, most: float = np.inf) -> Arch:
    """The network scaled to about `flops` multiply-adds at its own resolution, and never above `most`.

    Fast compound scaling (arXiv 2103.06877) gives most of the change to the widths, so that activations grow about as
    its square root: for a change s, depth by s ** 0.1, width and group width by s ** 0.4. Here each has the power
    1 / 0.9, because the resolution stays. Widths come in coarse steps where groups are wide, so depths up to a fifth
    smaller or larger are tried too: of 1,001 values of s and 9 of depth, the nearest in flops is taken, and of two that
    are about as near the one that changes the depth less.

    Args:
        arch: The network.
        flops: Multiply-adds to reach, above 0.
        most: Multiply-adds never to exceed.

    Raises:
        ArchError: A budget that is not positive, or that no scaled network meets.
    """
    if not (0 < flops < np.inf and most > 0):
        raise ArchError(f"flops and their limit are positive, not {flops:,.0f} and {most:,.0f}. Correct them.")
    now = float(complexity(arch).flops[0])
    grid = np.meshgrid(np.geomspace(flops / now / 64, flops / now * 64, 1001), np.geomspace(1 / 1.2, 1.2, 9))
    s, off = (axis.reshape(-1, 1) for axis in grid)
    base = ArchBatch.from_archs([arch])
    bottleneck = np.repeat(base.bottleneck, len(s), axis=0)
    widening = s ** (0.4 / 0.9)
    width = np.maximum(8, np.rint(base.width * widening / 8).astype(np.int64) * 8)
    group_width = np.maximum(1, np.rint(base.group_width * widening)).astype(np.int64)
    # 1, 2, 4 or a multiple of 8, as the paper's code has them
    rounded = np.where(group_width <= 5, 4, np.rint(group_width / 8).astype(np.int64) * 8)
    wanted = np.where(group_width <= 2, group_width, rounded) if arch.family.is_grouped else np.zeros_like(group_width)
    width, group_width = compatible(width, bottleneck, wanted)
    candidates = replace(
        base,
        depth=np.maximum(1, np.rint(base.depth * off * s ** (0.1 / 0.9)).astype(np.int64)),
        width=width,
        group_width=group_width,
        bottleneck=bottleneck,
        stride=np.repeat(base.stride, len(s), axis=0),
        stem_width=np.repeat(base.stem_width, len(s)),
        resolution=np.repeat(base.resolution, len(s)),
    )
    reached = complexity(candidates).flops
    fits = reached <= most
    if not fits.any():
        raise ArchError(
            f"{arch.name or 'this network'} cannot be scaled below {reached.min():,} flops at {arch.resolution} "
            f"pixels; the limit is {most:,.0f}. Raise the limit or lower the resolution."
        )
    distance = np.where(fits, np.abs(np.log(reached / flops)) + 0.1 * np.abs(np.log(off[:, 0])), np.inf)
    scaled = candidates[int(np.argmin(distance))]
    return replace(scaled, name=f"{arch.name}, scaled" if arch.name else "scaled")
