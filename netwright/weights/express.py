"""Which networks other code bases can build, and what they are asked for there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from netwright.arch import ALIASES, NETWORKS, Arch, canonical_name, published
from netwright.errors import WeightsError
from netwright.weights.layouts import MINDCV, OURS, RESNET, TIMM_REGNET, TORCHVISION_REGNET
from netwright.weights.names import Naming
from netwright.weights.parameters import regnet_parameters

__all__ = ["Expression", "expressed", "same_network", "timm_names", "torchvision_names"]

_TORCHVISION_SIZES = ("400mf", "800mf", "1_6gf", "3_2gf", "8_0gf", "16gf", "32gf")
_TORCHVISION_RESNETS = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"),
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A network in the terms of another code base. naming: of its weights there. call: how it is made there, in words.

    architecture, arguments: the name that timm builds it by, and what it is given beside its own.
    """

    naming: Naming
    call: str
    architecture: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def expressed(arch: Arch, format: str) -> Expression:
    """`arch` in the terms of a format: timm, torchvision, pycls, mindcv or netwright.

    WeightsError, with what it is that cannot be said there.
    """
    if format not in _EXPRESSED:
        raise WeightsError(
            f"weights are written as one of {', '.join(_EXPRESSED)}, not {format!r}. Choose one of these."
        )
    return _EXPRESSED[format](arch)


def same_network(one: Arch, other: Arch) -> bool:
    """Whether weights of one fit the other, up to the number of classes and channels."""
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
    """Bottlenecks without groups: "r" says so, and "x" with one group is the same."""
    return arch.block in ("r", "x") and all(stage.groups == 1 for stage in arch.stages)


def _refuse(where: str, constraint: str, arch: Arch) -> WeightsError:
    strides = [stage.stride for stage in arch.stages]
    return WeightsError(
        f"{where} {constraint}, and {arch.name or 'this network'} has block {arch.block!r}, the stem "
        f"{arch.stem.kind!r} of width {arch.stem.width}, and {len(arch.stages)} stages of widths "
        f"{[stage.width for stage in arch.stages]}, depths {[stage.depth for stage in arch.stages]}, "
        f"strides {strides}. Write the format 'netwright'."
    )


def _published(arch: Arch) -> str:
    """Our name of the published network that this is, else an empty text."""
    names = [arch.name] if arch.name in NETWORKS else []
    return next((name for name in [*names, *NETWORKS] if same_network(arch, published(name))), "")


def timm_names() -> dict[str, str]:
    """Our name -> timm's, for each network that timm knows by name."""
    named = {name: name for name in NETWORKS if not name.startswith("regnet") and not name.endswith("_cifar")}
    # of our aliases those in hundreds of megaflops
    return named | {
        ours: alias for alias, ours in ALIASES.items() if re.fullmatch(r"regnet[xyz]_\d{3,4}(_\w+)?", alias)
    }


def _timm(arch: Arch) -> Expression:
    naming = RESNET if arch.stem.kind == "imagenet" else TIMM_REGNET
    known = _published(arch)
    if known and (name := timm_names().get(known)):
        return Expression(naming, f"timm.create_model({name!r})", name)
    name, arguments = _timm_resnet(arch) if naming is RESNET else _timm_regnet(arch)
    return Expression(naming, f"timm.create_model({name!r}, {_arguments(arguments)})", name, arguments)


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in arguments.items())


def _timm_regnet(arch: Arch) -> tuple[str, dict[str, Any]]:
    """A RegNet of timm with other parameters. timm's RegNets have four stages of stride 2 after a stem of stride 2."""
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
        "bottle_ratio": 1 / arch.stages[0].bottleneck,  # timm's multiplies
        "group_min_ratio": 0.9 if found.is_upward else 0.0,
        "stem_width": arch.stem.width,
        "se_ratio": arch.se_ratio,
    }
    if arch.block == "z":
        arguments["num_features"] = arch.head_width
    return {"r": "regnetx_002", "x": "regnetx_002", "y": "regnety_002", "z": "regnetz_005"}[arch.block], arguments


def _timm_resnet(arch: Arch) -> tuple[str, dict[str, Any]]:
    """A ResNet of timm with other stages."""
    constraint = (
        "builds ResNets of blocks basic, r and x, of the stem 'imagenet' of width 64, of up to four stages of strides "
        "1, 2, 2, 2, and with as many groups and the same bottleneck in each"
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
    """Our name -> torchvision's, for each network that torchvision knows by name; its RegNets round as our _tv do."""
    regnets = [f"regnet_{block}_{size}" for block in "xy" for size in _TORCHVISION_SIZES]
    named = {f"{name}_tv" if f"{name}_tv" in NETWORKS else name: name.replace("8_0gf", "8gf") for name in regnets}
    named["regnet_y_128gf"] = "regnet_y_128gf"
    return named | {name: name for name in _TORCHVISION_RESNETS}


def _torchvision(arch: Arch) -> Expression:
    known = torchvision_names().get(_published(arch), "")
    if known:
        naming = TORCHVISION_REGNET if known.startswith("regnet") else RESNET
        return Expression(naming, f"torchvision.models.{known}(num_classes={arch.num_classes})")
    if arch.block in ("r", "x", "y") and arch.stem.kind == "simple" and not arch.head_width:
        stages = arch.stages
        params = (
            f"depths={[stage.depth for stage in stages]}, widths={[stage.width for stage in stages]}, "
            f"group_widths={[stage.group_width for stage in stages]}, "
            f"bottleneck_multipliers={[1 / stage.bottleneck for stage in stages]}, "
            f"strides={[stage.stride for stage in stages]}, se_ratio={arch.se_ratio or None}"
        )
        call = f"torchvision.models.regnet.RegNet(BlockParams({params}), {arch.num_classes}, {arch.stem.width})"
        return Expression(TORCHVISION_REGNET, call)
    constraint = (
        "builds RegNets of blocks x and y with the stem 'simple', and ResNets of four stages of the widths 64, 128, "
        "256, 512, times 4 where they have bottlenecks, with as many groups and the same bottleneck in each"
    )
    try:
        arguments = _timm_resnet(arch)[1] if arch.stem.kind == "imagenet" else {}
    except WeightsError as error:
        raise _refuse("torchvision", constraint, arch) from error
    if arguments.get("channels") != [64, 128, 256, 512]:
        raise _refuse("torchvision", constraint, arch)
    block = "BasicBlock" if arch.block == "basic" else "Bottleneck"
    groups = f"groups={arguments.get('cardinality', 1)}, width_per_group={arguments.get('base_width', 64)}"
    return Expression(
        RESNET, f"torchvision.models.ResNet({block}, {arguments['layers']}, {arch.num_classes}, {groups})"
    )


def _pycls(arch: Arch) -> Expression:
    if arch.block == "z" and not arch.head_width:
        raise _refuse(
            "pycls", "has an activation after the last linear block only with a convolution in the head", arch
        )
    return Expression(OURS, "pycls's AnyNet, by the cfg in the file")


def _mindcv(arch: Arch) -> Expression:
    if arch.family.activation != "relu":
        raise _refuse("MindCV", f"has no {arch.family.activation} in its AnyNet", arch)
    known = (
        arch.name if arch.name in NETWORKS and canonical_name(arch.name).startswith(("regnet_x", "regnet_y")) else ""
    )
    return Expression(MINDCV, f"mindcv's {known}" if known else "the AnyNet of mindcv.models.regnet of these stages")


def _netwright(arch: Arch) -> Expression:
    return Expression(OURS, "netwright.load_model of this file")


_EXPRESSED = {
    "netwright": _netwright,
    "timm": _timm,
    "torchvision": _torchvision,
    "pycls": _pycls,
    "mindcv": _mindcv,
}
