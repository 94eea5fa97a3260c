"""Published networks by name: each is an Arch of one of the block families, and nothing more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from netwright.arch.regnet import regnet
from netwright.arch.spec import Arch, Stage, Stem
from netwright.errors import ArchError
from netwright.system.suggest import suggest

__all__ = ["ALIASES", "NETWORKS", "PUBLISHED", "canonical_name", "published"]

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

# as PUBLISHED; arXiv 2103.01988 (SEER), torchvision and timm
_LARGER = {
    "regnet_y_64gf": (20, 352, 147.48, 2.4, 328),
    "regnet_y_128gf": (27, 456, 160.83, 2.52, 264),
    "regnet_y_256gf": (27, 640, 230.83, 2.53, 373),
}
# networks that differ under torchvision's rounding rule
_ROUNDED_OTHERWISE = ("regnet_x_400mf", "regnet_y_800mf", "regnet_y_8_0gf")
# name -> (depth, w0, wa, wm, group width, channels of the head's convolution); arXiv 2103.06877, and timm for _h
_LINEAR = {
    "regnet_z_500mf": (21, 16, 10.7, 2.51, 4, 1024),
    "regnet_z_4_0gf": (28, 48, 14.5, 2.226, 8, 0),
    "regnet_z_4_0gf_h": (28, 48, 14.5, 2.226, 8, 1536),
}
# name -> (block, depth of each stage, bottleneck of each block, group width in the first stage; 0 for one group)
_RESNETS = {  # arXiv 1512.03385, 1611.05431 and 1605.07146
    "resnet18": ("basic", (2, 2, 2, 2), 1, 0),
    "resnet34": ("basic", (3, 4, 6, 3), 1, 0),
    "resnet26": ("r", (2, 2, 2, 2), 4, 0),
    "resnet50": ("r", (3, 4, 6, 3), 4, 0),
    "resnet101": ("r", (3, 4, 23, 3), 4, 0),
    "resnet152": ("r", (3, 8, 36, 3), 4, 0),
    "resnext50_32x4d": ("x", (3, 4, 6, 3), 2, 4),
    "resnext101_32x4d": ("x", (3, 4, 23, 3), 2, 4),
    "resnext101_32x8d": ("x", (3, 4, 23, 3), 1, 8),
    "resnext101_64x4d": ("x", (3, 4, 23, 3), 1, 4),
    "resnext152_32x4d": ("x", (3, 8, 36, 3), 2, 4),
    "wide_resnet50_2": ("r", (3, 4, 6, 3), 2, 0),
    "wide_resnet101_2": ("r", (3, 4, 23, 3), 2, 0),
}
# name -> (block, depth of each of the three stages); arXiv 1905.13214 (NDS), for CIFAR-10
_CIFAR = {"resnet56_cifar": ("basic", 9), "resnet110_cifar": ("basic", 18), "v56_cifar": ("v", 9)}


def _resnet(name: str, block: str, depths: tuple[int, ...], bottleneck: int, group_width: int) -> Arch:
    first = 64 if block == "basic" else 256
    stages = tuple(
        Stage(depth, first << s, 1 if s == 0 else 2, float(bottleneck), group_width << s)
        for s, depth in enumerate(depths)
    )
    return Arch(stages, block, Stem("imagenet", 64), name=name)


def _cifar(name: str, block: str, depth: int) -> Arch:
    stages = tuple(Stage(depth, 16 << s, 1 if s == 0 else 2) for s in range(3))
    return Arch(stages, block, Stem("cifar", 16), resolution=32, num_classes=10, name=name)


def _networks() -> dict[str, Callable[[], Arch]]:
    regnets = {**PUBLISHED, **_LARGER}
    rounded: dict[str, Any] = {f"{name}_tv": {"rule": "torchvision"} for name in _ROUNDED_OTHERWISE}
    return {
        **{name: partial(regnet, *of, block=name.split("_")[1], name=name) for name, of in regnets.items()},
        **{
            name: partial(regnet, *regnets[name[:-3]], block=name.split("_")[1], name=name, **rule)
            for name, rule in rounded.items()
        },
        **{
            name: partial(regnet, *of[:5], 0.25, block="z", head_width=of[5], name=name) for name, of in _LINEAR.items()
        },
        **{name: partial(_resnet, name, *of) for name, of in _RESNETS.items()},
        **{name: partial(_cifar, name, *of) for name, of in _CIFAR.items()},
    }


# name -> what makes the network; `published` knows these names and those of ALIASES
NETWORKS = _networks()


def _aliases() -> dict[str, str]:
    """timm's regnetx_016 and RegNetX-1.6GF of the zoo of DDS are regnet_x_1_6gf."""
    aliases = {"r_56": "resnet56_cifar", "r_110": "resnet110_cifar", "v_56": "v56_cifar"}
    aliases |= {"r_50_1x64d": "resnet50", "x_50_32x4d": "resnext50_32x4d", "x_101_32x4d": "resnext101_32x4d"}
    aliases["x_152_32x4d"] = "resnext152_32x4d"
    for name in NETWORKS:
        if not name.startswith("regnet"):
            continue
        _, block, size = name.split("_", 2)
        size, _, variant = size.partition("f")
        unit, number = (1 if size.endswith("m") else 1000), float(size[:-1].replace("_", "."))
        aliases[f"regnet{block}_{round(number * unit / 100):03d}{variant}"] = name
        aliases[f"regnet{block}_{name.split('_', 2)[2]}"] = name
    return aliases


# other names of these networks, as `canonical_name` writes them -> ours
ALIASES = _aliases()


def canonical_name(name: str) -> str:
    """The name that netwright has for a network that others call regnetx_016, RegNetX-1.6GF, R-56, ...

    An unknown name is returned as it is.
    """
    if name in NETWORKS:
        return name
    normal = name.lower().replace("-", "_").replace(".", "_")
    return normal if normal in NETWORKS else ALIASES.get(normal, name)


def published(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int | None = None,
    resolution: int | None = None,
    stem: Stem | None = None,
) -> Arch:
    """A published network.

    Args:
        name: For example `regnet_x_800mf`, or a name of timm or of the zoo of DDS (`regnetx_008`, `RegNetX-800MF`).
        num_classes: Instead of the network's own; None keeps it, here and below.
        in_channels: 1 for gray, 3 for RGB.
        resolution: Pixels a side.
        stem: The first convolution.

    Raises:
        ArchError: An unknown name; the message has the nearest one.
    """
    found = NETWORKS.get(canonical_name(name))
    if found is None:
        hint = suggest(name, [*NETWORKS, *ALIASES], f"these are known: {', '.join(NETWORKS)}.")
        raise ArchError(f"no published network is called {name!r}: {hint}")
    given = {"num_classes": num_classes, "in_channels": in_channels, "resolution": resolution, "stem": stem}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    return replace(found(), **changes)
