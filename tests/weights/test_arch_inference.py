from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from netwright.arch import BLOCKS, NETWORKS, Arch, Stage, Stem, published
from netwright.nn import build
from netwright.weights.arch_inference import channels_of, classes_of, infer_arch, infer_name


def shapes(arch: Arch, **given: Any) -> dict[str, Tensor]:
    with torch.device("meta"):
        return build(arch, **given).state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_published_network_is_known_by_its_shapes(name: str):
    state = shapes(published(name), num_classes=7, in_channels=1)
    assert infer_arch(state) == published(name, num_classes=7, in_channels=1)
    assert (infer_name(state), classes_of(state), channels_of(state)) == (name, 7, 1)


def unknown(block: str, stem: str, **given: Any) -> Arch:
    """An unpublished network of the family."""
    bottleneck = 2.0 if BLOCKS[block].is_bottleneck else 1.0
    group = 4 if BLOCKS[block].is_grouped else 0
    first = {"simple": 2, "imagenet": 1, "cifar": 1}[stem]
    stages = (
        Stage(2, 24, first, bottleneck, group),
        Stage(1, 48, 2, bottleneck, group),
        Stage(3, 48, 2, bottleneck, group),
    )
    resolution = 32 if stem == "cifar" else 224
    return Arch(stages, block, Stem(stem, 24), BLOCKS[block].se_ratio, resolution, 5, 3, **given)


@pytest.mark.parametrize("head_width", [0, 40])
@pytest.mark.parametrize("stem", ["simple", "imagenet", "cifar"])
@pytest.mark.parametrize("block", BLOCKS)
def test_a_network_of_every_family_is_seen_in_its_weights(block: str, stem: str, head_width: int):
    arch = unknown(block, stem, head_width=head_width)
    found = infer_arch(shapes(arch))
    if stem == "cifar" and BLOCKS[block].shortcut != "projected":
        arch = replace(arch, stem=Stem("simple", 24), resolution=224)  # its strides leave no trace
        arch = replace(arch, stages=(replace(arch.stages[0], stride=2), *arch.stages[1:]))
    assert found == arch


@pytest.mark.parametrize("ratio", [0.25, 0.5, 1 / 3, 0.1])
def test_the_ratio_of_squeeze_and_excitation_is_seen(ratio: float):
    arch = replace(unknown("y", "simple"), se_ratio=ratio)
    found = infer_arch(shapes(arch))
    assert found is not None
    assert {name: value.shape for name, value in shapes(found).items()} == {
        name: value.shape for name, value in shapes(arch).items()
    }


@pytest.mark.parametrize("bottleneck", [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 24 / 20])
def test_bottlenecks_are_seen(bottleneck: float):
    stages = (Stage(1, 24, 2, bottleneck, 2), Stage(1, 48, 2, bottleneck, 2), Stage(2, 120, 2, bottleneck, 2))
    found = infer_arch(shapes(Arch(stages)))
    assert found is not None
    assert [stage.inner_width for stage in found.stages] == [stage.inner_width for stage in stages]
    assert found.stages[0].bottleneck == pytest.approx(bottleneck)


def test_without_a_classifier_the_body_is_seen_all_the_same():
    state = {name: value for name, value in shapes(published("regnet_y_400mf")).items() if "head" not in name}
    assert infer_arch(state) == published("regnet_y_400mf")


def stage_of(number: int) -> dict[str, Tensor]:
    return {f"s{number}.b1.f.{part}.weight": torch.ones(4, 4, 1, 1) for part in "abc"}


def test_what_is_no_network_is_not_seen(small: Arch):
    state = build(small).state_dict()
    assert infer_name(state) == ""
    assert infer_arch(state) is not None
    one = torch.ones(3)
    for strange in (
        {},
        {"stem.conv.weight": one},
        {"s1.b1.f.a.weight": one} | {name: value for name, value in state.items() if name != "stem.conv.weight"},
        state | {"s1.b1.f.a.weight": one},
        state | {"s2.b1.f.c.weight": torch.ones(0, 1, 1, 1)},
        state | {"s1.b1.f.se.f_ex.0.weight": torch.ones(7, 8, 1, 1)},  # no share of both stages
        state | {"s1.b1.f.b.weight": torch.ones(8, 3, 3, 3)},  # groups that do not divide
        state | {"stem.conv.weight": torch.ones(8, 3, 5, 5)},
        {name: value for name, value in state.items() if name != "s2.b1.f.se.f_ex.0.weight"},
        state | {"s1.b1.f.c.weight": torch.empty(1 << 30, 8, 1, 1, device="meta")},
        state | {f"s1.b{i}.f.a.weight": one for i in range(3, 3000)},
        state | {name: value for i in range(3, 99) for name, value in stage_of(i).items()},
    ):
        assert infer_arch(strange) is None
        assert infer_name(strange) == ""
    assert (classes_of({}), channels_of({"stem.conv.weight": one})) == (None, None)


def test_a_published_network_with_another_share_of_squeezing_is_another():
    arch = replace(published("regnet_y_200mf"), se_ratio=0.5)
    found = infer_arch(shapes(arch))
    assert found == replace(arch, name="")
