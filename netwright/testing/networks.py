"""Small networks for tests, in which nothing is as it was initialized."""

from __future__ import annotations

import torch
from torch import nn

from netwright.arch import Arch
from netwright.nn import AnyNet, build

__all__ = ["disturbed", "randomized"]

_BATCH = 16  # images from which batch norm takes its statistics


def randomized(arch: Arch, seed: int = 0) -> AnyNet:
    """A network with random weights whose logits differ between images and classes.

    Every value of batch norm is random, so that no tensor can be left out or exchanged unnoticed, and near to what
    images give there, so that the signal reaches the logits.

    Args:
        arch: Of the network.
        seed: Of all values.

    Returns:
        The network in evaluation mode.
    """
    module = build(arch, seed=seed)
    generator = torch.Generator().manual_seed(seed + 100)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.weight.data.copy_(torch.rand(norm.weight.shape, generator=generator) * 0.6 + 0.7)
        norm.bias.data.copy_(torch.rand(norm.bias.shape, generator=generator) - 0.5)
        norm.momentum = 1.0
    with torch.no_grad():
        module.train()(torch.randn(_BATCH, arch.in_channels, arch.resolution, arch.resolution, generator=generator))
    for norm in norms:
        norm.momentum = 0.1
    classifier = module.get_submodule("head.fc")
    assert isinstance(classifier, nn.Linear)
    classifier.weight.data.mul_(20.0)
    classifier.bias.data.copy_(torch.randn(arch.num_classes, generator=generator))
    return module.eval()


def disturbed(module: nn.Module, channels: int = 3, side: int = 64) -> nn.Module:
    """Any network in which every value of batch norm is made random, but near to what images give there.

    Args:
        module: Changed in place.
        channels: Of its input.
        side: Pixels a side of its input.

    Returns:
        The module, in float64 and evaluation mode.
    """
    generator = torch.Generator().manual_seed(0)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.weight.data.copy_(torch.rand(norm.weight.shape, generator=generator) * 0.6 + 0.4)
        norm.bias.data.copy_(torch.rand(norm.bias.shape, generator=generator) - 0.5)
        norm.momentum = 1.0
    with torch.no_grad():
        module.train()(torch.randn(2, channels, side, side, generator=generator))
    for norm in norms:
        for value in (norm.running_mean, norm.running_var):
            assert value is not None, "batch norm of these networks has statistics"
            value.data.mul_(torch.rand(value.shape, generator=generator) * 0.6 + 0.7)
        norm.momentum = 0.1
    return module.double().eval()
