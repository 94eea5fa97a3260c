"""Keep parts of a network as they are while the rest is trained."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from netwright.errors import ArchError
from netwright.nn.anynet import AnyNet
from netwright.nn.features import FeatureExtractor

__all__ = ["freeze", "frozen_parts", "linear_probe"]

Body = TypeVar("Body", AnyNet, FeatureExtractor)


def freeze(module: Body, stages: int) -> Body:
    """Stem and first `stages` stages get no gradients, and stay in evaluation when the rest is trained: batch norm too.

    stages: 0 for the stem alone. What was frozen before and is not named now learns again. In place; returns the
    module. Wrap it (DistributedDataParallel) and make optimizers of it afterwards. ArchError for more than it has.
    """
    if isinstance(stages, bool) or not 0 <= stages <= len(module.stage_names):
        raise ArchError(
            f"a network with {len(module.stage_names)} stages can freeze its stem and 0 to {len(module.stage_names)} "
            f"stages, not {stages!r}. Choose fewer."
        )
    return _freeze(module, ("stem", *module.stage_names[:stages]))


def linear_probe(module: AnyNet) -> AnyNet:
    """Only the last layer learns; all else is frozen, the head's convolution too. In place; returns the module."""
    parts = [f"head.{name}" for name, part in module.head.named_children() if part is not module.get_classifier()]
    return _freeze(module, ("stem", *module.stage_names, *parts))


def frozen_parts(module: nn.Module) -> set[nn.Module]:
    """Every module inside what is frozen; empty for networks of others."""
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
