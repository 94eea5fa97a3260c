"""The networks to be measured, from netwright, timm and torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netwright.arch import NETWORKS, Arch, canonical_name, complexity, published
from netwright.errors import ArchError
from netwright.nn import build
from netwright.system.suggest import nearest
from netwright.weights.to_format import timm_names, torchvision_names

__all__ = ["LIBRARIES", "BuiltNetwork", "Contender", "build_contender", "contenders", "known_names", "rival_name"]

LIBRARIES = ("netwright", "timm", "torchvision")
# arguments of torchvision's networks that would return more than logits in training
_LOGITS_ONLY: dict[str, dict[str, bool]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}


@dataclass(frozen=True, slots=True)
class Contender:
    """A network to be measured.

    Attributes:
        name: A published name, a file or run folder, `timm:NAME` or `torchvision:NAME`.
        rival_of: The network that this one is the same as, in another library; "" if none.
    """

    name: str
    rival_of: str = ""

    @property
    def package(self) -> str:
        """The library that it is from."""
        return _split(self.name)[0]


@dataclass(frozen=True, slots=True, eq=False)
class BuiltNetwork:
    """A contender as a module.

    Attributes:
        module: With random weights.
        flops: Multiply-adds of one image.
        params: Learnable parameters.
        shape: (channels, H, W) of the input.
        classes: Number of logits.
    """

    module: nn.Module
    flops: int
    params: int
    shape: tuple[int, int, int]
    classes: int


def contenders(names: Sequence[str], against: Sequence[str] = ()) -> tuple[tuple[Contender, ...], tuple[str, ...]]:
    """List the networks to be measured, each followed by its rivals.

    Args:
        names: Of networks.
        against: Libraries with rivals: timm, torchvision.

    Returns:
        The contenders, and notices about rivals that do not exist.

    Raises:
        ArchError: A name is unknown.
    """
    for library in against:
        if library not in LIBRARIES[1:]:
            raise ArchError(
                f"networks are compared against {' and '.join(LIBRARIES[1:])}, not {library!r}. Choose one."
            )
    found: list[Contender] = []
    notices: list[str] = []
    for name in dict.fromkeys(names):
        _refuse_unknown(name)
        found.append(Contender(name))
        if against and canonical_name(name) not in NETWORKS:
            raise ArchError(
                f"only published networks are in other libraries too, and {name!r} is not the name of one. Give one "
                f"like {next(iter(NETWORKS))}, or name the rivals, as timm:regnetx_002."
            )
        for library in dict.fromkeys(against):
            rival = rival_name(name, library)
            if rival is None:
                notices.append(f"{library} has no {name}")
            else:
                found.append(Contender(f"{library}:{rival}", rival_of=name))
    # a rival that was also named is measured once
    by_name = {each.name: each for each in sorted(found, key=lambda each: bool(each.rival_of))}
    return tuple(by_name[name] for name in dict.fromkeys(each.name for each in found)), tuple(notices)


def rival_name(name: str, library: str) -> str | None:
    """The name of a published network in another library: regnet_x_800mf is timm's regnetx_008. None: it has none."""
    names = timm_names() if library == "timm" else torchvision_names()
    own_name = names.get(canonical_name(name))
    return own_name if own_name in known_names(library) else None


def known_names(library: str) -> tuple[str, ...]:
    """Names of the classifiers in a library."""
    if library == "netwright":
        return tuple(NETWORKS)
    if library == "timm":
        return tuple(import_module("timm").list_models())
    models = import_module("torchvision.models")
    return tuple(models.list_models(module=models))


def build_contender(name: str, image_size: int | None = None, seed: int = 0) -> BuiltNetwork:
    """Build a network with random weights.

    Args:
        name: As `Contender.name`.
        image_size: Side of the input in pixels; None for the network's own.
        seed: Of the weights.

    Raises:
        ArchError: The name is unknown.
    """
    _refuse_unknown(name)
    library, own_name = _split(name)
    torch.manual_seed(seed)
    if library == "netwright":
        arch = _arch(name)
        arch = replace(arch, resolution=image_size or arch.resolution)
        cost = complexity(arch)
        shape = (arch.in_channels, arch.resolution, arch.resolution)
        return BuiltNetwork(build(arch, seed=seed), int(cost.flops[0]), int(cost.params[0]), shape, arch.num_classes)
    if library == "timm":
        module = import_module("timm").create_model(own_name)
        channels, *_, side = module.pretrained_cfg.get("input_size", (3, 224, 224))
    else:
        module = import_module("torchvision.models").get_model(own_name, weights=None, **_LOGITS_ONLY.get(own_name, {}))
        channels, side = 3, 224
    shape = (int(channels), image_size or int(side), image_size or int(side))
    flops, classes = _count(module, shape)
    params = sum(value.numel() for value in module.parameters() if value.requires_grad)
    return BuiltNetwork(module, flops, params, shape, classes)


def _count(module: nn.Module, shape: tuple[int, int, int]) -> tuple[int, int]:
    """(multiply-adds of one image in convolutions and matrix products without biases, number of classes)."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        logits: Tensor = module.eval()(torch.zeros(1, *shape))
    return counter.get_total_flops() // 2, logits.shape[1]


def _arch(name: str) -> Arch:
    if canonical_name(name) in NETWORKS:
        return published(name)
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return Arch.from_yaml(path.read_text(encoding="utf-8"))
    weights: Any = import_module("netwright.weights")
    arch: Arch = weights.load_model(path).arch
    return arch


def _split(name: str) -> tuple[str, str]:
    """`timm:regnetx_002` -> ("timm", "regnetx_002")."""
    library, colon, own_name = name.partition(":")
    return (library, own_name) if colon and library in LIBRARIES[1:] else ("netwright", name)


def _refuse_unknown(name: str) -> None:
    library, own_name = _split(name)
    known = known_names(library)
    if own_name in known or (library == "netwright" and (canonical_name(name) in known or Path(name).exists())):
        return
    near = nearest(own_name, known, most=3)
    prefix = "" if library == "netwright" else f"{library}:"
    hint = f"nearest: {', '.join(prefix + each for each in near)}." if near else "no name is similar."
    kinds = "a published name, network.yaml, weights, run folder, timm:NAME or torchvision:NAME"
    raise ArchError(f"no network is called {name!r}: {hint} Give {kinds}.")
