"""What the pick is measured against: a published RegNet, scaled to the same flops."""

from __future__ import annotations

import math
from dataclasses import replace

from netwright.arch import PUBLISHED, Arch, Stem, complexity, published, scale_to_flops
from netwright.errors import ArchError
from netwright.space import load_space

__all__ = ["baseline_for"]


def baseline_for(pick: Arch, most: float = math.inf) -> Arch:
    """The published RegNet of the pick's block family that is nearest in flops, scaled to them.

    It has the stem and strides that every RegNet gets for such images. most: flops that it keeps to, unless not even
    the smallest one does.
    """
    flops = float(complexity(pick).flops[0])
    images = {"num_classes": pick.num_classes, "in_channels": pick.in_channels, "resolution": pick.resolution}
    setting = load_space(f"regnet{pick.block}").for_images(**images).setting
    stem = Stem(setting.stem, setting.stem_width)
    candidates = []
    for name in PUBLISHED:
        arch = published(name, stem=stem, **images)
        if arch.block == pick.block:
            stages = tuple(replace(stage, stride=setting.stride(s)) for s, stage in enumerate(arch.stages))
            candidates.append(replace(arch, stages=stages))
    nearest = min(candidates, key=lambda arch: abs(math.log(float(complexity(arch).flops[0]) / flops)))
    try:
        return scale_to_flops(nearest, flops, most=most)
    except ArchError:  # no RegNet is that small: the report says what both cost
        return scale_to_flops(nearest, flops)
