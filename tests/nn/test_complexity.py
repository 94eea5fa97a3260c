"""The formulas of `complexity` against built modules: parameters counted, outputs of every layer hooked."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from netwright.arch import BLOCKS, NETWORKS, STEMS, Arch, Stage, Stem, compatible, complexity, published
from netwright.nn import build
from netwright.space import load_space, sample, space_names

# what the sampled networks are given in turn: stem, strides, resolution, channels, classes
SETTINGS = (
    {"stem": "simple", "strides": (2, 2, 2, 2), "resolution": 224, "in_channels": 3, "num_classes": 1000},
    {"stem": "cifar", "strides": (1, 2, 2, 2), "resolution": 33, "in_channels": 3, "num_classes": 10, "stem_width": 16},
    {"stem": "cifar", "strides": (1, 1, 1, 2), "resolution": 7, "in_channels": 1, "num_classes": 2, "stem_width": 8},
    {"stem": "simple", "strides": (1, 2, 1, 2), "resolution": 8, "in_channels": 4, "num_classes": 1},
    {"stem": "simple", "strides": (2, 1, 2, 2), "resolution": 97, "in_channels": 1, "num_classes": 37},
)


def measured(arch: Arch) -> tuple[int, int, int]:
    """flops, params and acts of the built module, on the meta device, where nothing is computed."""
    flops = acts = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal flops, acts
        acts += output.numel()
        if isinstance(layer, nn.MaxPool2d):
            return
        if isinstance(layer, nn.Conv2d):
            sees = layer.in_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]
        else:
            assert isinstance(layer, nn.Linear)
            sees = layer.in_features
        flops += output.numel() * (sees + (layer.bias is not None))

    with torch.device("meta"), torch.no_grad():
        module = build(arch).eval()
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | nn.MaxPool2d):
                layer.register_forward_hook(count)
        logits = module(torch.empty(1, arch.in_channels, arch.resolution, arch.resolution))
    assert logits.shape == (1, arch.num_classes)
    return flops, sum(parameter.numel() for parameter in module.parameters()), acts


def counted(arch: Arch) -> tuple[int, int, int]:
    cost = complexity(arch)
    return int(cost.flops[0]), int(cost.params[0]), int(cost.acts[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", space_names())
def test_sampled_networks_cost_what_their_modules_do(name: str) -> None:
    space = load_space(name)
    space = space.refine(depth=(4, 16)) if space.family == "regnet" else space.refine(depth=(1, 4))
    for seed, setting in enumerate(SETTINGS):
        arch = sample(space.with_setting(**setting), 1, seed)[0]
        assert counted(arch) == measured(arch), arch


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_published_networks_cost_what_their_modules_do(name: str) -> None:
    assert counted(published(name)) == measured(published(name))


@st.composite
def archs(draw: Callable[..., int]) -> Arch:
    block = draw(st.sampled_from(sorted(BLOCKS)))
    family = BLOCKS[block]
    stages = []
    for _ in range(draw(st.integers(1, 4))):
        ratio = draw(st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0, 4.0])) if family.is_bottleneck else 1.0
        width, group_width = compatible(draw(st.integers(1, 70)), ratio, draw(st.integers(1, 40)))
        if not family.is_grouped:
            group_width = 0
        stages.append(Stage(draw(st.integers(1, 3)), int(width), draw(st.integers(1, 3)), ratio, int(group_width)))
    se_ratio = draw(st.sampled_from([0.25, 0.1, 1.0])) if family.se_ratio else 0.0
    return Arch(
        stages=tuple(stages),
        block=block,
        stem=Stem(draw(st.sampled_from(sorted(STEMS))), draw(st.integers(1, 40))),
        se_ratio=se_ratio,
        resolution=draw(st.integers(1, 65)),
        num_classes=draw(st.integers(1, 20)),
        in_channels=draw(st.integers(1, 4)),
        head_width=draw(st.sampled_from([0, 0, 17])),
    )


@pytest.mark.slow
@settings(max_examples=80, deadline=None, derandomize=True)
@given(archs())
def test_any_network_costs_what_its_module_does(arch: Arch) -> None:
    assert counted(arch) == measured(arch)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(archs(), st.integers(1, 300))
def test_flops_and_acts_grow_with_resolution_and_params_do_not(arch: Arch, more: int) -> None:
    small, large = counted(arch), counted(replace(arch, resolution=arch.resolution + more))
    assert small[0] <= large[0]
    assert small[1] == large[1]
    assert small[2] <= large[2]
