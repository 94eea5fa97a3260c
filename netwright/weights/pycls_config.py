"""The configuration in a pycls checkpoint: read what shapes do not show, and write one that builds a network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from netwright.arch import BLOCKS, NETWORKS, Arch, Stem, published
from netwright.errors import ArchError, WeightsError
from netwright.system.yaml_text import YamlError, parse

__all__ = ["BLOCK_TYPES", "CIFAR_SEEN", "STEM_TYPES", "arch_of_config", "pycls_config", "sees_rgb"]

STEM_TYPES = {"simple": "simple_stem_in", "imagenet": "res_stem_in", "cifar": "res_stem_cifar"}
BLOCK_TYPES = {
    "v": "vanilla_block",
    "basic": "res_basic_block",
    "r": "res_bottleneck_block",
    "x": "res_bottleneck_block",
    "y": "res_bottleneck_block",
    "z": "res_bottleneck_linear_block",
}
_LONGEST = 1 << 20  # characters of a configuration
# the preprocessing of pycls for CIFAR, for Preprocessing.from_dict
CIFAR_SEEN: dict[str, Any] = {
    "image_size": 32,
    "channels": 3,
    "crop_pct": 1.0,
    "interpolation": "bilinear",
    "antialias": True,
    "mean": [125.3, 123.0, 113.9],
    "std": [63.0, 62.1, 66.7],
    "background": "white",
    "full_scale": "file",
}


def sees_rgb(config: object) -> bool:
    """Whether the configuration of a checkpoint is for CIFAR, which pycls reads as RGB; it reads ImageNet as BGR."""
    # untrusted text: searched, not parsed
    return isinstance(config, str) and re.search(r"\bDATASET:\s*['\"]?cifar", config[:100_000]) is not None


def pycls_config(arch: Arch) -> str:
    """The YAML with which pycls builds a network; bottlenecks are factors there."""
    stages = arch.stages
    anynet: dict[str, Any] = {
        "STEM_TYPE": STEM_TYPES[arch.stem.kind],
        "STEM_W": arch.stem.width,
        "BLOCK_TYPE": BLOCK_TYPES[arch.block],
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


def arch_of_config(text: object, found: Arch, path: object) -> Arch | None:
    """The network of a checkpoint: its shapes, with the stem, strides and resolution of its configuration.

    None where that does not tell these.

    Args:
        text: The configuration, as pycls stores it.
        found: The network that shapes show.
        path: The file, for messages.

    Raises:
        WeightsError: It is of a network that differs from those here in what shapes do not show.
    """
    config = _parsed(text)
    model = _part(config, "MODEL")
    kind = str(model.get("TYPE", "")).lower()
    if kind == "resnet":
        _refuse_stride_1x1(_part(config, "RESNET"), found, path)
    if kind not in ("anynet", "regnet"):
        return None
    network = _part(config, kind.upper())
    stems = {pycls: own for own, pycls in STEM_TYPES.items()}
    stem = str(network.get("STEM_TYPE", "simple_stem_in"))
    block = "z" if network.get("BLOCK_TYPE") == "res_bottleneck_linear_block" else found.block
    strides = network.get("STRIDES") if kind == "anynet" else [network.get("STRIDE", 2)] * len(found.stages)
    if stem not in stems or not isinstance(strides, list) or len(strides) != len(found.stages):
        raise WeightsError(
            f"the cfg in {path} has the stem {stem!r} and the strides {strides!r}, and by its tensors the network has "
            f"{len(found.stages)} stages; stems here are {', '.join(stems)}. Correct the cfg, or remove it."
        )
    _refuse_activation(str(model.get("ACTIVATION_FUN", "relu")), block, path)
    size = _part(config, "TRAIN").get("IM_SIZE")
    try:
        changed = replace(
            found,
            block=block,
            stem=Stem(stems[stem], found.stem.width),
            stages=tuple(replace(stage, stride=stride) for stage, stride in zip(found.stages, strides, strict=True)),
            resolution=size if isinstance(size, int) and size > 0 else found.resolution,
        )
    except ArchError as error:
        raise WeightsError(f"the cfg in {path} does not describe a network: {error}") from error
    return replace(changed, name=_name_of(changed))


def _name_of(arch: Arch) -> str:
    """The name of the published network with all of this, or an empty text."""
    if arch.name not in NETWORKS:
        return ""
    known = published(arch.name, num_classes=arch.num_classes, in_channels=arch.in_channels)
    return arch.name if replace(known, resolution=arch.resolution) == arch else ""


def _parsed(text: object) -> Mapping[Any, Any]:
    """Untrusted text: without aliases, which could grow without bound; empty where it is no mapping."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return {}
    try:
        content, _ = parse(text)
    except (YamlError, RecursionError):
        return {}
    return content if isinstance(content, Mapping) else {}


def _part(config: Mapping[Any, Any], name: str) -> Mapping[Any, Any]:
    part = config.get(name)
    return part if isinstance(part, Mapping) else {}


def _refuse_activation(given: str, block: str, path: object) -> None:
    own = BLOCKS[block].activation
    if {"swish": "silu"}.get(given.lower(), given.lower()) != own:
        raise WeightsError(
            f"the network in {path} has the activation {given!r}, and blocks of {block!r} have {own!r} here: its "
            "outputs would differ. Give weights of a network with that activation."
        )


def _refuse_stride_1x1(resnet: Mapping[Any, Any], found: Arch, path: object) -> None:
    if found.family.is_bottleneck and resnet.get("STRIDE_1X1", True) is True and resnet:
        raise WeightsError(
            f"the network in {path} has its strides in 1x1 convolutions (RESNET.STRIDE_1X1), and here they are in 3x3 "
            "ones: its outputs would differ. Give weights of a network with STRIDE_1X1 false."
        )
