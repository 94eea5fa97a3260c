"""The network of a training: as it is named or as its weights are, with these, its frozen parts and its device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from netwright.arch import Arch
from netwright.errors import RecipeError
from netwright.nn import AnyNet, build, freeze, linear_probe
from netwright.recipe import TrainConfig
from netwright.recipe.training import Network
from netwright.training.distributed import Group
from netwright.weights import load_model, load_weights, pretrained_file, resolve_arch

__all__ = ["choose_network", "freeze_parts", "make_module", "move"]


def choose_network(training: TrainConfig, num_classes: int) -> Arch:
    """The network that is named, or that of the weights to start from."""
    network, size = training.network, training.augmentation.image_size
    if network.model:
        return resolve_arch(
            network.model,
            num_classes=num_classes,
            in_channels=network.in_channels,
            stem=network.stem,
            resolution=size,
        )
    arch = load_model(network.checkpoint).arch
    stem = arch.stem if network.stem is None else replace(arch.stem, kind=network.stem)
    return replace(arch, num_classes=num_classes, in_channels=network.in_channels, stem=stem, resolution=size)


def make_module(arch: Arch, network: Network, seed: int, notices: list[str], class_names: Sequence[str]) -> AnyNet:
    """Build the network and load its weights.

    Args:
        arch: The network.
        network: What the recipe says of it.
        seed: Of new weights.
        notices: What the user should know is added to them.
        class_names: Of the images, by which the classifier's rows are matched.

    Raises:
        WeightsError: The weights cannot be loaded.
    """
    module = build(arch, seed=seed, drop_rate=network.drop_rate or 0.0, drop_path_rate=network.drop_path_rate or 0.0)
    source = pretrained_file(network.model) if network.pretrained and not network.checkpoint else network.checkpoint
    if source:
        notices += load_weights(module, source, adapt=True, class_names=class_names)
    return module


def move(module: AnyNet, network: Network, group: Group) -> None:
    """To the device of this rank, in the memory layout of the recipe. RecipeError for sync_bn on processors."""
    module.to(group.device)
    if network.channels_last:
        module.to(memory_format=torch.channels_last)
    if network.sync_bn and group.world > 1:
        _synchronize(module, group)


def freeze_parts(module: AnyNet, network: Network) -> list[str]:
    """Freeze parts by the recipe, before the optimizer and wrappers are made, which depend on gradients."""
    if network.linear_probe:
        linear_probe(module)
    elif network.freeze_stages is not None:
        freeze(module, network.freeze_stages)
    else:
        return []
    counts = [value.numel() for value in module.parameters() if value.requires_grad]
    every = sum(value.numel() for value in module.parameters())
    return [f"frozen: {', '.join(module.frozen)}; {sum(counts):,} of {every:,} parameters learn"]


def _synchronize(module: AnyNet, group: Group) -> None:
    if group.device.type == "cpu":
        raise RecipeError("sync_bn needs accelerators, and this training runs on CPUs. Set it to False.")
    nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]  # in place
