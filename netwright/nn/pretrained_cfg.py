"""What timm's programs read from a model: `pretrained_cfg` and `default_cfg`, with pixels from 0 to 1."""

from __future__ import annotations

from typing import Any

from netwright.arch import Arch
from netwright.arch.last_map import last_map

__all__ = ["default_cfg"]

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def default_cfg(arch: Arch) -> dict[str, Any]:
    """The usual preparation of images for a network without weights, by timm's keys."""
    gray = arch.in_channels == 1
    mean, std = ((sum(values) / 3,) if gray else values for values in (_MEAN, _STD))
    return {
        "architecture": arch.name,
        "num_classes": arch.num_classes,
        "input_size": (arch.in_channels, arch.resolution, arch.resolution),
        "pool_size": (last_map(arch), last_map(arch)),
        "crop_pct": 0.875,
        "crop_mode": "center",
        "interpolation": "bilinear",
        "mean": mean,
        "std": std,
        "first_conv": "stem.conv",
        "classifier": "head.fc",
    }
