"""The configuration in a pycls checkpoint: read the order of color channels, and write one that builds a network."""

from __future__ import annotations

import re
from typing import Any

import yaml

from netwright.arch import Arch

__all__ = ["CIFAR_SEEN", "pycls_config", "sees_rgb"]

_STEMS = {"simple": "simple_stem_in", "imagenet": "res_stem_in", "cifar": "res_stem_cifar"}
_BLOCKS = {
    "v": "vanilla_block",
    "basic": "res_basic_block",
    "r": "res_bottleneck_block",
    "x": "res_bottleneck_block",
    "y": "res_bottleneck_block",
    "z": "res_bottleneck_linear_block",
}
# the preprocessing of pycls for CIFAR, for Preprocessing.from_dict
CIFAR_SEEN: dict[str, Any] = {
    "image_size": 32,
    "channels": 3,
    "crop_pct": 1.0,
    "interpolation": "bilinear",
    "antialias": True,
    "mean": [125.3, 123.0, 113.9],
    "std": [63.0, 62.1, 66.7],
}


def sees_rgb(config: object) -> bool:
    """Whether the configuration of a checkpoint is for CIFAR, which pycls reads as RGB; it reads ImageNet as BGR."""
    # untrusted text: searched, not parsed
    return isinstance(config, str) and re.search(r"\bDATASET:\s*['\"]?cifar", config[:100_000]) is not None


def pycls_config(arch: Arch) -> str:
    """The YAML with which pycls builds a network; bottlenecks are factors there."""
    stages = arch.stages
    anynet: dict[str, Any] = {
        "STEM_TYPE": _STEMS[arch.stem.kind],
        "STEM_W": arch.stem.width,
        "BLOCK_TYPE": _BLOCKS[arch.block],
        "DEPTHS": [stage.depth for stage in stages],
        "WIDTHS": [stage.width for stage in stages],
        "STRIDES": [stage.stride for stage in stages],
        "HEAD_W": arch.head_width,
    }
    if arch.family.is_bottleneck:
        anynet["BOT_MULS"] = [1 / stage.bottleneck for stage in stages]
        anynet["GROUP_WS"] = [stage.group_width for stage in stages]
        anynet["SE_ON"] = arch.se_ratio > 0
    if arch.se_ratio:
        anynet["SE_R"] = arch.se_ratio
    config = {
        "MODEL": {"TYPE": "anynet", "NUM_CLASSES": arch.num_classes, "ACTIVATION_FUN": arch.family.activation},
        "ANYNET": anynet,
        "TRAIN": {"DATASET": "cifar10" if arch.stem.kind == "cifar" else "imagenet", "IM_SIZE": arch.resolution},
    }
    return str(yaml.safe_dump(config, sort_keys=False))
