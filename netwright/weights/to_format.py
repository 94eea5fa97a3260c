"""Find out whether another library can build a network, and by which call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from netwright.arch import ALIASES, NETWORKS, Arch, published
from netwright.errors import WeightsError
from netwright.weights.layouts import MINDCV, NETWRIGHT, RESNET, TIMM_REGNET, TORCHVISION_REGNET
from netwright.weights.names import Naming
from netwright.weights.parameters import regnet_parameters
from netwright.weights.pycls_config import BLOCK_TYPES, STEM_TYPES

__all__ = ["FormatModel", "same_network", "timm_names", "to_format", "torchvision_names"]

_TORCHVISION_SIZES = ("400mf", "800mf", "1_6gf", "3_2gf", "8_0gf", "16gf", "32gf")
_MINDCV_SIZES = (
    *("200mf", "400mf", "600mf", "800mf", "1_6gf", "3_2gf", "4_0gf", "6_4gf", "8_0gf", "12gf", "16gf", "32gf"),
)
_TORCHVISION_RESNETS = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"),
)

_NOT_IN_TIMM = ("resnet56_cifar", "resnet110_cifar", "resnext152_32x4d", "v56_cifar")


@dataclass(frozen=True, slots=True)
class FormatModel:
    """How a library builds a network.

    Attributes:
        naming: The names of its weights there.
        call: The call that builds it, for a person.
        architecture: timm's name of it.
        arguments: Further arguments of timm's create_model.
    """

    naming: Naming
    call: str
    architecture: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def to_format(arch: Arch, format: str) -> FormatModel:
    """Find how the library of a format builds a network.

    Args:
        arch: The network.
        format: netwright, timm, torchvision, pycls or mindcv.

    Raises:
        WeightsError: That library cannot build it, with the reason.
    """
    if format not in _TO_FORMAT:
        raise WeightsError(
            f"weights are written as one of {', '.join(_TO_FORMAT)}, not {format!r}. Choose one of these."
        )
    return _TO_FORMAT[format](arch)


def same_network(one: Arch, other: Arch) -> bool:
    """Whether two networks have the same weights, apart from the number of classes and channels."""
    return (
        replace(
            one,
            name=other.name,
            num_classes=other.num_classes,
            in_channels=other.in_channels,
            resolution=other.resolution,
            block=other.block if _is_plain(one) and _is_plain(other) else one.block,
        )
        == other
    )


def _is_plain(arch: Arch) -> bool:
    """Whether the blocks are bottlenecks without groups: "r", or "x" with one group."""
    return arch.block in ("r", "x") and all(stage.groups == 1 for stage in arch.stages)


def _refuse(where: str, constraint: str, arch: Arch) -> WeightsError:
    strides = [stage.stride for stage in arch.stages]
    return WeightsError(
        f"{where} {constraint}, and {arch.name or 'this network'} has block {arch.block!r}, the stem "
        f"{arch.stem.kind!r} of width {arch.stem.width}, and {len(arch.stages)} stages of widths "
        f"{[stage.width for stage in arch.stages]}, depths {[stage.depth for stage in arch.stages]}, "
        f"strides {strides}. Write the format 'netwright'."
    )


def _published_name(arch: Arch) -> str:
    """The name of the published network that this is, else an empty text."""
    names = [arch.name] if arch.name in NETWORKS else []
    return next((name for name in [*names, *NETWORKS] if same_network(arch, published(name))), "")


def timm_names() -> dict[str, str]:
    """netwright's name -> timm's, for each network that timm has by name."""
    named = {name: name for name in NETWORKS if not name.startswith("regnet") and name not in _NOT_IN_TIMM}
    # the aliases in hundreds of megaflops are timm's
    return named | {
        name: alias for alias, name in ALIASES.items() if re.fullmatch(r"regnet[xyz]_\d{3,4}(_\w+)?", alias)
    }


def _timm(arch: Arch) -> FormatModel:
    if arch.activation:
        raise _refuse("timm", f"has no RegNets and ResNets with {arch.activation} in these blocks", arch)
    naming = RESNET if arch.stem.kind == "imagenet" else TIMM_REGNET
    known = _published_name(arch)
    if known and (name := timm_names().get(known)):
        return FormatModel(naming, f"timm.create_model({name!r})", name)
    name, arguments = _timm_resnet(arch) if naming is RESNET else _timm_regnet(arch)
    return FormatModel(naming, f"timm.create_model({name!r}, {_arguments(arguments)})", name, arguments)


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in arguments.items())


def _timm_regnet(arch: Arch) -> tuple[str, dict[str, Any]]:
    """timm's name and arguments of a RegNet that it does not have by name."""
    constraint = (
        "builds RegNets of blocks x, y and z, of the stem 'simple' and of four stages of stride 2, whose widths follow "
        "w0, wa and wm"
    )
    fits = arch.block in ("r", "x", "y", "z") and arch.stem.kind == "simple" and len(arch.stages) == 4
    if not fits or any(stage.stride != 2 for stage in arch.stages) or (arch.head_width and arch.block != "z"):
        raise _refuse("timm", constraint, arch)
    found = regnet_parameters(arch)
    if found is None:
        raise _refuse("timm", constraint, arch)
    arguments: dict[str, Any] = {
        "depth": found.depth,
        "w0": found.w0,
        "wa": found.wa,
        "wm": found.wm,
        "group_size": found.group_width,
        "bottle_ratio": 1 / arch.stages[0].bottleneck,  # in timm it is a factor
        "group_min_ratio": 0.9 if found.is_upward else 0.0,
        "stem_width": arch.stem.width,
        "se_ratio": arch.se_ratio,
    }
    if arch.block == "z":
        arguments["num_features"] = arch.head_width
    return {"r": "regnetx_002", "x": "regnetx_002", "y": "regnety_002", "z": "regnetz_005"}[arch.block], arguments


def _timm_resnet(arch: Arch) -> tuple[str, dict[str, Any]]:
    """timm's name and arguments of a ResNet that it does not have by name."""
    constraint = (
        "builds ResNets of blocks basic, r and x, of the stem 'imagenet' of width 64, of up to four stages of strides "
        "1, 2, 2, 2, and with the same number of groups and the same bottleneck in each"
    )
    usual = [1, 2, 2, 2][: len(arch.stages)]
    fits = arch.block in ("basic", "r", "x") and arch.stem.width == 64 and not arch.head_width
    if not fits or [stage.stride for stage in arch.stages] != usual:
        raise _refuse("timm", constraint, arch)
    layers = [stage.depth for stage in arch.stages]
    if arch.block == "basic":
        return "resnet18", {"layers": layers, "channels": [stage.width for stage in arch.stages]}
    first, planes = arch.stages[0], [stage.width // 4 for stage in arch.stages]
    base = 64 * first.group_width / planes[0]
    base_width = round(base) if base == round(base) else base
    for stage, channels in zip(arch.stages, planes, strict=True):
        inner = int(channels * (base_width / 64)) * first.groups
        if stage.width % 4 or stage.groups != first.groups or stage.inner_width != inner:
            raise _refuse("timm", constraint, arch)
    return "resnet50", {"layers": layers, "channels": planes, "cardinality": first.groups, "base_width": base_width}


def torchvision_names() -> dict[str, str]:
    """netwright's name -> torchvision's, for each network that torchvision has by name.

    torchvision rounds the widths of RegNets differently; those networks are named _tv here.
    """
    regnets = [f"regnet_{block}_{size}" for block in "xy" for size in _TORCHVISION_SIZES]
    named = {f"{name}_tv" if f"{name}_tv" in NETWORKS else name: name.replace("8_0gf", "8gf") for name in regnets}
    named["regnet_y_128gf"] = "regnet_y_128gf"
    return named | {name: name for name in _TORCHVISION_RESNETS}


def _torchvision(arch: Arch) -> FormatModel:
    if arch.activation:
        raise _refuse("torchvision", f"has no RegNets and ResNets with {arch.activation}", arch)
    known = torchvision_names().get(_published_name(arch), "")
    if known:
        naming = TORCHVISION_REGNET if known.startswith("regnet") else RESNET
        return FormatModel(naming, f"torchvision.models.{known}(num_classes={arch.num_classes})")
    if arch.block in ("r", "x", "y") and arch.stem.kind == "simple" and not arch.head_width:
        stages = arch.stages
        params = (
            f"depths={[stage.depth for stage in stages]}, widths={[stage.width for stage in stages]}, "
            f"group_widths={[stage.group_width for stage in stages]}, "
            f"bottleneck_multipliers={[1 / stage.bottleneck for stage in stages]}, "
            f"strides={[stage.stride for stage in stages]}, se_ratio={arch.se_ratio or None}"
        )
        call = f"torchvision.models.regnet.RegNet(BlockParams({params}), {arch.num_classes}, {arch.stem.width})"
        return FormatModel(TORCHVISION_REGNET, call)
    constraint = (
        "builds RegNets of blocks x and y with the stem 'simple', and ResNets of four stages of the widths 64, 128, "
        "256, 512, times 4 with bottlenecks, with the same number of groups and the same bottleneck in each"
    )
    try:
        arguments = _timm_resnet(arch)[1] if arch.stem.kind == "imagenet" else {}
    except WeightsError as error:
        raise _refuse("torchvision", constraint, arch) from error
    if arguments.get("channels") != [64, 128, 256, 512]:
        raise _refuse("torchvision", constraint, arch)
    block = "BasicBlock" if arch.block == "basic" else "Bottleneck"
    groups = f"groups={arguments.get('cardinality', 1)}, width_per_group={arguments.get('base_width', 64)}"
    return FormatModel(
        RESNET, f"torchvision.models.ResNet({block}, {arguments['layers']}, {arch.num_classes}, {groups})"
    )


def _pycls(arch: Arch) -> FormatModel:
    if arch.block == "z" and not arch.head_width:
        raise _refuse(
            "pycls", "has an activation after the last linear block only with a convolution in the head", arch
        )
    return FormatModel(NETWRIGHT, "pycls's AnyNet, by the cfg in the file")


def _mindcv(arch: Arch) -> FormatModel:
    if arch.family.activation != "relu":
        raise _refuse("MindCV", f"has no {arch.family.activation} in its AnyNet", arch)
    inputs = (arch.stem.width, *(stage.width for stage in arch.stages[:-1]))
    if arch.se_ratio and any(round(width * arch.se_ratio) == 0 for width in inputs):
        raise _refuse("MindCV", "leaves squeeze-and-excitation out where its width rounds to 0", arch)
    known = _mindcv_name(arch)
    if not known:
        return FormatModel(MINDCV, f"mindcv.models.regnet.AnyNet({_arguments(_mindcv_arguments(arch))})")
    stem = STEM_TYPES[arch.stem.kind]
    if arch.stem.kind == published(known).stem.kind:
        return FormatModel(MINDCV, f"mindcv's {known}")
    return FormatModel(
        MINDCV, f"mindcv.create_model({known!r}, stem_type={stem!r}), not as {known} alone, whose stem differs"
    )


def _mindcv_name(arch: Arch) -> str:
    """MindCV's name of a network, whose functions take another stem too; empty for networks without one."""
    names = [f"regnet_{block}_{size}" for block in "xy" for size in _MINDCV_SIZES]
    for name in [arch.name] if arch.name in names else names:
        known = published(name)
        if same_network(replace(arch, stem=replace(arch.stem, kind=known.stem.kind)), known):
            return name
    return ""


def _mindcv_arguments(arch: Arch) -> dict[str, Any]:
    stages = arch.stages
    is_bottleneck = arch.family.is_bottleneck
    return {
        "depths": [stage.depth for stage in stages],
        "stem_type": STEM_TYPES[arch.stem.kind],
        "stem_w": arch.stem.width,
        "block_type": BLOCK_TYPES[arch.block],
        "widths": [stage.width for stage in stages],
        "strides": [stage.stride for stage in stages],
        "bot_muls": [1 / stage.bottleneck for stage in stages] if is_bottleneck else None,
        "group_ws": [stage.group_width for stage in stages] if is_bottleneck else None,
        "head_w": arch.head_width,
        "num_classes": arch.num_classes,
        "se_r": arch.se_ratio,
        "in_channels": arch.in_channels,
    }


def _netwright(arch: Arch) -> FormatModel:
    return FormatModel(NETWRIGHT, "netwright.load_model of this file")


_TO_FORMAT = {
    "netwright": _netwright,
    "timm": _timm,
    "torchvision": _torchvision,
    "pycls": _pycls,
    "mindcv": _mindcv,
}
