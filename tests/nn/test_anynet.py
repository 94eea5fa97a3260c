import math

import pytest
import torch
from torch import nn

from netwright.arch import Arch, Stage, Stem, published
from netwright.nn import build

SMALL = Arch(
    stages=(Stage(1, 16, 1, 2.0, 4), Stage(2, 24, 2, 1.0, 8), Stage(1, 24, 1, 0.5, 3)),
    block="y",
    stem=Stem("cifar", 16),
    se_ratio=0.25,
    resolution=9,
    num_classes=5,
    in_channels=2,
)


def plain(block: str, stem: str) -> Arch:
    return Arch(SMALL.stages, block, Stem(stem, 8), 0.25 if block == "y" else 0.0, 12, 7, 3)


@pytest.mark.parametrize("stem", ["simple", "cifar"])
@pytest.mark.parametrize("block", ["x", "y"])
def test_images_become_finite_logits_with_gradients(block: str, stem: str) -> None:
    module = build(plain(block, stem), seed=0)
    logits = module(torch.randn(4, 3, 12, 12, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (4, 7)
    logits.square().mean().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("side", [1, 2, 7, 9, 33])
def test_other_sides_than_the_own_resolution_work(side: int) -> None:
    module = build(SMALL, seed=0).eval()
    assert module(torch.zeros(2, 2, side, side)).shape == (2, 5)


def test_classes_and_channels_can_be_given() -> None:
    module = build(SMALL, num_classes=11, in_channels=1, seed=0).eval()
    assert module(torch.zeros(2, 1, 9, 9)).shape == (2, 11)
    assert (module.arch.num_classes, module.arch.in_channels) == (11, 1)
    assert (SMALL.num_classes, SMALL.in_channels) == (5, 2)


def test_the_same_seed_gives_the_same_weights() -> None:
    torch.manual_seed(1)
    first = build(SMALL, seed=3).state_dict()
    torch.manual_seed(2)
    again, other = build(SMALL, seed=3).state_dict(), build(SMALL, seed=4).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["stem.conv.weight"], other["stem.conv.weight"])


def test_without_a_seed_the_global_generator_is_used() -> None:
    torch.manual_seed(1)
    first = build(SMALL).state_dict()["head.fc.weight"]
    torch.manual_seed(1)
    assert torch.equal(first, build(SMALL).state_dict()["head.fc.weight"])
    assert not torch.equal(first, build(SMALL).state_dict()["head.fc.weight"])


def test_weights_have_the_published_distribution() -> None:
    module = build(published("regnet_y_400mf"), seed=0)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            deviation = math.sqrt(2 / (layer.kernel_size[0] ** 2 * layer.out_channels))
            n = layer.weight.numel()
            # five standard errors of a deviation and of a mean
            assert abs(float(layer.weight.detach().std()) / deviation - 1) < 5 / math.sqrt(2 * n)
            assert abs(float(layer.weight.detach().mean()) / deviation) < 5 / math.sqrt(n)
            assert layer.bias is None or not layer.bias.any()
        elif isinstance(layer, nn.Linear):
            assert abs(float(layer.weight.detach().std()) - 0.01) < 1e-4
            assert not layer.bias.any()
        elif isinstance(layer, nn.BatchNorm2d):
            assert torch.equal(layer.weight, torch.ones_like(layer.weight))
            assert not layer.bias.any()


def test_names_are_those_of_the_published_checkpoints() -> None:
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    block = [f"f.{part}.weight" for part in "abc"]
    block += [f"f.{part}_bn.{name}" for part in "abc" for name in norm]
    block += [f"f.se.f_ex.{i}.{name}" for i in (0, 2) for name in ("weight", "bias")]
    shortcut = ["proj.weight", *(f"bn.{name}" for name in norm)]
    # the second block of a stage and the third stage, equal in width and of stride 1, keep the shape
    expected = ["stem.conv.weight", *(f"stem.bn.{name}" for name in norm), "head.fc.weight", "head.fc.bias"]
    expected += [f"{name}.{key}" for name in ("s1.b1", "s2.b1", "s2.b2", "s3.b1") for key in block]
    expected += [f"{name}.{key}" for name in ("s1.b1", "s2.b1") for key in shortcut if name != "s1.b1"]
    assert set(build(SMALL).state_dict()) == set(expected)


def test_blocks_are_made_as_the_stage_says() -> None:
    module = build(SMALL)
    first, last = module.s1.b1.f, module.s3.b1.f
    assert (first.b.in_channels, first.b.groups, first.b.stride) == (8, 2, (1, 1))
    assert (module.s2.b1.f.b.stride, module.s2.b2.f.b.stride) == ((2, 2), (1, 1))
    assert (last.b.in_channels, last.b.groups) == (48, 16)
    # a quarter of what enters the block, not of the inner width
    assert [module.s1.b1.f.se.f_ex[0].out_channels, module.s2.b1.f.se.f_ex[0].out_channels] == [4, 4]
    assert build(plain("x", "simple")).s1.b1.f.se is None


def test_gates_are_squeezed_to_one_channel_at_least() -> None:
    narrow = Arch((Stage(1, 8),), "y", Stem("cifar", 1), 0.25, 4, 2, 1)
    module = build(narrow, seed=0)
    assert module.s1.b1.f.se.f_ex[0].out_channels == 1
