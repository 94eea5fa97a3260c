"""Every published network of the catalog against counts that others publish or compute: pycls, timm, torchvision."""

from functools import cache
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from netwright.arch import ALIASES, NETWORKS, Arch, canonical_name, complexity, published

# name -> (flops, params, acts); pycls, dev/model_complexity.json, of 4 September 2020
PYCLS = {
    "R-50-1x64d": (4089185256, 25557032, 11315688),
    "R-101-1x64d": (7801406440, 44549160, 16433640),
    "R-152-1x64d": (11513627624, 60192808, 22755816),
    "X-50-32x4d": (4230480872, 25028904, 14602216),
    "X-101-32x4d": (7969997800, 44177704, 21426152),
    "X-152-32x4d": (11709514728, 59951400, 29855720),
    "R-56": (125747850, 855770, 544778),
    "R-110": (253149834, 1730714, 1060874),
    "V-56": (125485706, 853018, 532490),
}
# what we call otherwise than pycls does, and `canonical_name` does not know
OURS = {"R-101-1x64d": "resnet101", "R-152-1x64d": "resnet152"}

# torchvision's name -> ours, where they differ; its rule of rounding makes three of them other networks
TORCHVISION = {
    "regnet_x_400mf": "regnet_x_400mf_tv",
    "regnet_x_8gf": "regnet_x_8_0gf",
    "regnet_y_800mf": "regnet_y_800mf_tv",
    "regnet_y_8gf": "regnet_y_8_0gf_tv",
}
# networks of no library that is installed here
ALONE = {"resnet110_cifar", "resnet56_cifar", "resnext152_32x4d", "v56_cifar"}


def counted(arch: Arch) -> tuple[int, int, int]:
    cost = complexity(arch)
    return int(cost.flops[0]), int(cost.params[0]), int(cost.acts[0])


@cache
def timm_names() -> dict[str, str]:
    """timm's name -> ours."""
    theirs = set(timm.list_models())
    return {name: canonical_name(name) for name in sorted({*NETWORKS, *ALIASES} & theirs)}


@cache
def torchvision_names() -> dict[str, str]:
    """torchvision's name -> ours."""
    models = torchvision.models.list_models(module=torchvision.models)
    return {name: ours for name in models if (ours := TORCHVISION.get(name, name)) in NETWORKS}


def default_weights(name: str) -> Any:
    return torchvision.models.get_model_weights(name).DEFAULT


@pytest.mark.parametrize("name", PYCLS)
def test_complexity_is_what_pycls_counts(name: str) -> None:
    assert counted(published(OURS.get(name, name))) == PYCLS[name]


def test_every_network_has_an_oracle() -> None:
    assert {*timm_names().values(), *torchvision_names().values()} == set(NETWORKS) - ALONE
    assert len(torchvision_names()) == 25


def measured(module: nn.Module, side: int) -> tuple[int, int, int]:
    """flops, params and acts of a built network, on the meta device, where nothing is computed."""
    flops = acts = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal flops, acts
        acts += output.numel()
        if not isinstance(layer, nn.MaxPool2d):
            assert isinstance(layer, nn.Conv2d | nn.Linear)
            flops += output.numel() * (layer.weight[0].numel() + (layer.bias is not None))

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.MaxPool2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        module.eval()(torch.empty(1, 3, side, side, device="meta"))
    return flops, sum(parameter.numel() for parameter in module.parameters()), acts


@pytest.mark.slow
@pytest.mark.parametrize("name", timm_names())
def test_complexity_is_that_of_timms_network(name: str) -> None:
    with torch.device("meta"):
        theirs = timm.create_model(name, pretrained=False)
    assert counted(published(timm_names()[name], resolution=97)) == measured(theirs, 97)


@pytest.mark.parametrize("name", torchvision_names())
def test_parameters_and_flops_are_those_that_torchvision_publishes(name: str) -> None:
    weights = default_weights(name)
    side = weights.transforms().crop_size[0]
    flops, params, _ = counted(published(torchvision_names()[name], resolution=side))
    assert params == weights.meta["num_params"]
    # in thousands of millions to three digits, without the biases
    assert flops / 1e9 == pytest.approx(weights.meta["_ops"], rel=2e-3, abs=1e-3)
