"""The 24 published RegNets by name, and scaling a network to a budget."""

from __future__ import annotations

import difflib
from dataclasses import replace

import numpy as np

from netwright.arch.batch import ArchBatch
from netwright.arch.costs import complexity
from netwright.arch.divisible import compatible
from netwright.arch.regnet import regnet
from netwright.arch.spec import Arch, Stem
from netwright.errors import ArchError

__all__ = ["PUBLISHED", "published", "scale_to_flops"]

# name -> (depth, w0, wa, wm, group width); DDS (arXiv 2003.13678), appendix
PUBLISHED = {
    "regnet_x_200mf": (13, 24, 36.44, 2.49, 8),
    "regnet_x_400mf": (22, 24, 24.48, 2.54, 16),
    "regnet_x_600mf": (16, 48, 36.97, 2.24, 24),
    "regnet_x_800mf": (16, 56, 35.73, 2.28, 16),
    "regnet_x_1_6gf": (18, 80, 34.01, 2.25, 24),
    "regnet_x_3_2gf": (25, 88, 26.31, 2.25, 48),
    "regnet_x_4_0gf": (23, 96, 38.65, 2.43, 40),
    "regnet_x_6_4gf": (17, 184, 60.83, 2.07, 56),
    "regnet_x_8_0gf": (23, 80, 49.56, 2.88, 120),
    "regnet_x_12gf": (19, 168, 73.36, 2.37, 112),
    "regnet_x_16gf": (22, 216, 55.59, 2.1, 128),
    "regnet_x_32gf": (23, 320, 69.86, 2.0, 168),
    "regnet_y_200mf": (13, 24, 36.44, 2.49, 8),
    "regnet_y_400mf": (16, 48, 27.89, 2.09, 8),
    "regnet_y_600mf": (15, 48, 32.54, 2.32, 16),
    "regnet_y_800mf": (14, 56, 38.84, 2.4, 16),
    "regnet_y_1_6gf": (27, 48, 20.71, 2.65, 24),
    "regnet_y_3_2gf": (21, 80, 42.63, 2.66, 24),
    "regnet_y_4_0gf": (22, 96, 31.41, 2.24, 64),
    "regnet_y_6_4gf": (25, 112, 33.22, 2.27, 72),
    "regnet_y_8_0gf": (17, 192, 76.82, 2.19, 56),
    "regnet_y_12gf": (19, 168, 73.36, 2.37, 112),
    "regnet_y_16gf": (18, 200, 106.23, 2.48, 112),
    "regnet_y_32gf": (20, 232, 115.89, 2.53, 232),
}


def published(
    name: str, *, num_classes: int = 1000, in_channels: int = 3, resolution: int = 224, stem: Stem | None = None
) -> Arch:
    """A published RegNet, e.g. `regnet_x_800mf`."""
    if name not in PUBLISHED:
        near = difflib.get_close_matches(name, PUBLISHED, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"these are known: {', '.join(PUBLISHED)}."
        raise ArchError(f"no published network is called {name!r}: {hint}")
    return regnet(
        *PUBLISHED[name],
        block=name.split("_")[1],
        stem=stem,
        num_classes=num_classes,
        in_channels=in_channels,
        resolution=resolution,
        name=name,
    )


def scale_to_flops(arch: Arch, flops: float, *, most: float = np.inf) -> Arch:
    """The network scaled to about `flops` multiply-adds at its own resolution, and never above `most`.

    Fast compound scaling (arXiv 2103.06877) gives most of the change to the widths, so that activations grow about as
    its square root: for a change s, depth by s ** 0.1, width and group width by s ** 0.4, here each to the power
    1 / 0.9, because the resolution stays. Widths come in coarse steps where groups are wide, so depths up to a fifth
    off are tried too: of 1,001 values of s with 9 of depth, the nearest in flops is taken, and less off in depth where
    two are about as near.
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
    width, group_width = compatible(width, bottleneck, np.where(group_width <= 2, group_width, rounded))
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
            f"pixels; {most:,.0f} were asked for. Raise the limit or lower the resolution."
        )
    distance = np.where(fits, np.abs(np.log(reached / flops)) + 0.1 * np.abs(np.log(off[:, 0])), np.inf)
    scaled = candidates[int(np.argmin(distance))]
    return replace(scaled, name=f"{arch.name}, scaled" if arch.name else "scaled")
