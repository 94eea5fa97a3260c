"""Freeze parts of a network while the rest is trained."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from netwright.errors import ArchError
from netwright.nn.anynet import AnyNet
from netwright.nn.features import FeatureExtractor

__all__ = ["freeze", "frozen_parts", "linear_probe"]

Body = TypeVar("Body", AnyNet, FeatureExtractor)


def freeze(module: Body, stages: int) -> Body:
    """Freeze the stem and the first stages, in place: no gradients, and evaluation mode for their batch norm.

    Parts that were frozen before and are not named now learn again. Make optimizers and wrappers
    (DistributedDataParallel) after this call.

    Args:
        module: The network.
        stages: Number of stages to freeze; 0 freezes the stem alone.

    Returns:
        The same module.

    Raises:
        ArchError: The network has fewer stages.
    """
    if isinstance(stages, bool) or not 0 <= stages <= len(module.stage_names):
        raise ArchError(
            f"a network with {len(module.stage_names)} stages can freeze its stem and 0 to {len(module.stage_names)} "
            f"stages, not {stages!r}. Choose fewer."
        )
    return _freeze(module, ("stem", *module.stage_names[:stages]))


def linear_probe(module: AnyNet) -> AnyNet:
    """Freeze everything but the last layer, in place; the head's convolution is frozen too.

    Returns:
        The same module.
    """
    parts = [f"head.{name}" for name, part in module.head.named_children() if part is not module.get_classifier()]
    return _freeze(module, ("stem", *module.stage_names, *parts))


def frozen_parts(module: nn.Module) -> set[nn.Module]:
    """All modules inside the frozen parts; empty for modules that are not built here."""
    names: tuple[str, ...] = getattr(module, "frozen", ())
    return {inner for name in names for inner in module.get_submodule(name).modules()}


def _freeze(module: Body, names: tuple[str, ...]) -> Body:
    for name in module.frozen:
        module.get_submodule(name).requires_grad_(True)
    for name in names:
        module.get_submodule(name).requires_grad_(False)
    module.frozen = names
    module.train(module.training)
    return module
