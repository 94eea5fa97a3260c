"""What the pick is measured against: a published network of its block, or ResNet-18, scaled to the same flops."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from netwright.arch import NETWORKS, PUBLISHED, Arch, Stem, complexity, published, scale_to_flops
from netwright.errors import ArchError
from netwright.space import Setting

__all__ = ["baseline_for", "is_same_network", "like_pick", "resnet18_like"]

_SMALL = 64  # pixels a side


def baseline_for(pick: Arch, most: float = math.inf) -> Arch:
    """The published network of the pick's block that is nearest in flops, scaled to them.

    It is one of the RegNets of DDS where these have the block. It keeps its own stem and strides where these suit
    images of that size, and has the pick's head.

    Args:
        pick: The selected network.
        most: Flops that it does not exceed, unless even the smallest one does.
    """
    flops = float(complexity(pick).flops[0])
    alike = [arch for arch in map(published, NETWORKS) if arch.block == pick.block]
    if pick.resolution > _SMALL:  # those for CIFAR-10 are made for few pixels
        alike = [arch for arch in alike if arch.resolution > _SMALL] or alike
    candidates = [like_pick(pick, arch) for arch in [arch for arch in alike if arch.name in PUBLISHED] or alike]
    nearest = min(candidates, key=lambda arch: abs(math.log(float(complexity(arch).flops[0]) / flops)))
    try:
        return scale_to_flops(nearest, flops, most=most)
    except ArchError:  # no network of the block is that small; the report has the costs of both
        return scale_to_flops(nearest, flops)


def like_pick(pick: Arch, arch: Arch) -> Arch:
    """A published network for the images of the pick, with its head; its stem and strides suit their size."""
    images: dict[str, Any] = {
        "num_classes": pick.num_classes,
        "in_channels": pick.in_channels,
        "resolution": pick.resolution,
    }
    strides = tuple(stage.stride for stage in arch.stages)
    own = Setting(block=arch.block, stem=arch.stem.kind, stem_width=arch.stem.width, strides=strides)
    setting = own.for_images(**images, stages=len(strides))
    stages = tuple(replace(stage, stride=setting.stride(s)) for s, stage in enumerate(arch.stages))
    stem = Stem(setting.stem, setting.stem_width)
    return replace(arch, **images, stages=stages, stem=stem, head_width=pick.head_width)


def resnet18_like(pick: Arch, most: float = math.inf) -> Arch:
    """torchvision's ResNet-18, for the images of the pick, with its widths and depths scaled to the pick's flops."""
    shape = like_pick(pick, published("resnet18"))
    flops = float(complexity(pick).flops[0])
    try:
        return replace(scale_to_flops(shape, flops, most=most), name="resnet18 scaled")
    except ArchError:  # none is as small; the report has the costs of both
        return replace(scale_to_flops(shape, flops), name="resnet18 scaled")


def is_same_network(one: Arch, other: Arch) -> bool:
    """Whether they differ in nothing but their names."""
    return replace(one, name="") == replace(other, name="")
