from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch

from netwright.arch import NETWORKS, Arch, Stage, Stem, published, regnet
from netwright.errors import WeightsError
from netwright.nn import build
from netwright.weights.names import rename_from_netwright
from netwright.weights.to_format import FormatModel, same_network, timm_names, to_format

ODD = Arch((Stage(1, 64, 2, 1.0, 16), Stage(2, 64, 2, 1.0, 16)), "x")


def shapes(module: Any) -> dict[str, Any]:
    return {name: value.shape for name, value in module.state_dict().items()}


def is_built(found: FormatModel, arch: Arch) -> bool:
    """Whether timm's own code builds tensors of these names and shapes."""
    import timm

    with torch.device("meta"):
        given = {"num_classes": arch.num_classes, "in_chans": arch.in_channels}
        theirs = timm.create_model(found.architecture, **found.arguments, **given)
        ours = build(arch)
    return shapes(theirs) == {
        name: value.shape for name, value in rename_from_netwright(ours.state_dict(), found.naming).items()
    }


def test_timm_knows_these_names():
    import timm

    # only pycls has ResNeXt-152 32x4d
    assert set(timm_names()) == {name for name in NETWORKS if not name.endswith("_cifar")} - {"resnext152_32x4d"}
    assert all(timm.is_model(name) for name in timm_names().values())
    assert timm_names()["regnet_y_16gf"] == "regnety_160"
    assert timm_names()["regnet_z_4_0gf_h"] == "regnetz_040_h"


def shallow(names: Iterable[str]) -> list[str]:
    """Those that are soon built; all, where EVERY_NETWORK is set."""
    quick = (
        "200mf",
        "400mf",
        "800mf_tv",
        "8_0gf_tv",
        "z_500mf",
        "4_0gf_h",
        "18",
        "26",
        "50",
        "50_32x4d",
        "50_2",
        "cifar",
    )
    return [name for name in names if "EVERY_NETWORK" in os.environ or name.endswith(quick)]


@pytest.mark.slow
@pytest.mark.parametrize("name", shallow(timm_names()))
def test_published_networks_are_asked_for_by_name(name: str):
    arch = published(name, num_classes=5, in_channels=1)
    found = to_format(replace(arch, name="mine"), "timm")
    assert (found.architecture, dict(found.arguments)) == (timm_names()[name], {})
    assert is_built(found, arch)


@pytest.mark.parametrize(
    "arch",
    [
        regnet(11, 16, 13.1, 2.3, 8, block="x", num_classes=7),
        regnet(16, 24, 21.0, 2.2, 16, 2.0, block="y", stem=Stem("simple", 16)),
        regnet(12, 32, 20.0, 2.1, 4, 0.25, block="z", head_width=100),
        regnet(12, 32, 20.0, 2.1, 4, 0.5, block="z"),
        regnet(12, 48, 30.0, 2.1, 0, block="r"),
        regnet(16, 32, 30.2, 2.4, 24, block="y", rule="torchvision"),
        Arch(tuple(Stage(d, w, s) for d, w, s in ((1, 64, 1), (2, 96, 2), (1, 160, 2))), "basic", Stem("imagenet", 64)),
        Arch(tuple(Stage(1, w, s, 2.0) for w, s in ((80, 1), (160, 2), (320, 2))), "r", Stem("imagenet", 64)),
        Arch(tuple(Stage(2, w, s, 2.0, w // 16) for w, s in ((128, 1), (256, 2))), "x", Stem("imagenet", 64)),
    ],
    ids=lambda arch: f"{arch.block}-{arch.stem.kind}-{arch.depth}",
)
def test_networks_that_nobody_published_are_asked_for_by_arguments(arch: Arch):
    found = to_format(arch, "timm")
    assert found.arguments
    assert is_built(found, arch)
    assert found.call.startswith("timm.create_model(")


@pytest.mark.parametrize(
    ("arch", "format", "said"),
    [
        (ODD, "timm", "timm builds RegNets of blocks x, y and z"),
        (published("v56_cifar"), "timm", "timm builds RegNets"),
        (published("regnet_x_200mf", stem=Stem("cifar", 32)), "timm", "the stem 'cifar' of width 32"),
        (replace(published("regnet_x_200mf"), head_width=8), "timm", "timm builds RegNets"),
        (published("resnet18", stem=Stem("imagenet", 32)), "timm", "timm builds ResNets of blocks basic, r and x"),
        (published("regnet_y_200mf", stem=Stem("imagenet", 64)), "timm", "timm builds ResNets"),
        (published("regnet_z_500mf"), "torchvision", "torchvision builds RegNets of blocks x and y"),
        (published("resnet56_cifar"), "torchvision", "torchvision builds RegNets"),
        (published("resnet18", stem=Stem("imagenet", 32)), "torchvision", "torchvision builds RegNets"),
        (published("regnet_z_4_0gf"), "pycls", "only with a convolution in the head"),
        (published("regnet_z_500mf"), "mindcv", "MindCV has no silu in its AnyNet"),
    ],
)
def test_what_cannot_be_said_there_is_refused(arch: Arch, format: str, said: str):
    with pytest.raises(WeightsError) as caught:
        to_format(arch, format)
    assert said in str(caught.value)
    assert str(caught.value).endswith("Write the format 'netwright'.")


def test_a_bottleneck_that_differs_between_stages_is_refused():
    stages = tuple(Stage(1, w, s, b) for w, s, b in ((256, 1, 4.0), (512, 2, 2.0)))
    with pytest.raises(WeightsError, match="timm builds ResNets"):
        to_format(Arch(stages, "r", Stem("imagenet", 64)), "timm")


def test_torchvision_builds_any_stages_of_its_regnet():
    from torchvision.models.regnet import BlockParams, RegNet

    call = to_format(ODD, "torchvision").call
    theirs = eval(call.removeprefix("torchvision.models.regnet."), {"RegNet": RegNet, "BlockParams": BlockParams})
    naming = to_format(ODD, "torchvision").naming
    assert shapes(theirs) == {
        name: value.shape for name, value in rename_from_netwright(build(ODD).state_dict(), naming).items()
    }


@pytest.mark.slow
def test_torchvision_builds_its_resnets():
    import torchvision
    from torchvision.models.resnet import BasicBlock, Bottleneck

    scope = {"torchvision": torchvision, "BasicBlock": BasicBlock, "Bottleneck": Bottleneck}
    shallow = tuple(replace(stage, depth=1) for stage in published("resnext50_32x4d").stages)
    for arch in (
        published("resnet34", num_classes=9),
        published("regnet_y_800mf_tv", num_classes=9),
        replace(published("resnext50_32x4d"), stages=shallow),
        replace(published("resnet18"), stages=published("resnet34").stages[:3] + published("resnet18").stages[3:]),
    ):
        found = to_format(arch, "torchvision")
        theirs, ours = eval(found.call, scope), build(arch)
        assert shapes(theirs) == {
            name: value.shape for name, value in rename_from_netwright(ours.state_dict(), found.naming).items()
        }


@pytest.mark.slow
@pytest.mark.parametrize("name", shallow(NETWORKS))
def test_mindcv_and_pycls_name_every_tensor(name: str):
    for format in ("mindcv", "pycls"):
        arch = published(name)
        if arch.block == "z" and (format == "mindcv" or not arch.head_width):
            continue
        with torch.device("meta"):
            state = build(arch).state_dict()
        theirs = rename_from_netwright(state, to_format(arch, format).naming)
        assert len(theirs) == len(state)


def test_formats_that_are_not_written_are_said():
    with pytest.raises(WeightsError, match=r"one of netwright, timm, torchvision, pycls, mindcv, not 'classy'"):
        to_format(ODD, "classy")


def test_networks_are_compared_by_what_weights_see():
    arch = published("resnet50")
    assert same_network(arch, replace(arch, block="x", name="a", num_classes=3, resolution=64, in_channels=1))
    assert not same_network(arch, replace(arch, stem=Stem("simple", 64)))
    assert not same_network(arch, published("resnet101"))
