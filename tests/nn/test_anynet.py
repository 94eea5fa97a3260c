import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from netwright.arch import BLOCKS, STEMS, Arch, Stage, Stem, published
from netwright.errors import ArchError
from netwright.nn import build

MakeArch = Callable[..., Arch]

SMALL = Arch(
    stages=(Stage(1, 16, 1, 2.0, 4), Stage(2, 24, 2, 1.0, 8), Stage(1, 24, 1, 0.5, 3)),
    block="y",
    stem=Stem("cifar", 16),
    se_ratio=0.25,
    resolution=9,
    num_classes=5,
    in_channels=2,
)


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("block", BLOCKS)
def test_images_become_finite_logits_with_gradients(make_arch: MakeArch, block: str, stem: str) -> None:
    module = build(make_arch(block, stem, 12), seed=0)
    logits = module(torch.randn(4, 3, 12, 12, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (4, 5)
    logits.square().mean().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("block", BLOCKS)
def test_every_family_takes_every_size_and_type(make_arch: MakeArch, block: str) -> None:
    module = build(make_arch(block, "imagenet", 12), seed=0).eval()
    for shape in ((1, 3, 1, 1), (2, 3, 5, 34), (0, 3, 9, 9)):
        assert module(torch.zeros(shape)).shape == (shape[0], 5)
    x = torch.randn(2, 3, 17, 17, generator=torch.Generator().manual_seed(1))
    single, double = module(x), module.double()(x.double())
    assert double.dtype == torch.float64
    assert torch.allclose(single.double(), double, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("block", BLOCKS)
def test_memory_layout_changes_no_result(make_arch: MakeArch, block: str) -> None:
    module = build(make_arch(block), seed=0)
    x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    plain = module(x)
    (expected,) = torch.autograd.grad(plain.square().sum(), module.stem.conv.weight)
    other = copy.deepcopy(module).to(memory_format=torch.channels_last)
    logits = other(x.contiguous(memory_format=torch.channels_last))
    (found,) = torch.autograd.grad(logits.square().sum(), other.stem.conv.weight)
    assert torch.allclose(plain, logits, rtol=1e-4, atol=1e-6)
    assert torch.allclose(expected, found, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS)
def test_copies_pickles_and_exports_compute_the_same(make_arch: MakeArch, block: str) -> None:
    module = build(make_arch(block, "imagenet", 12), seed=0).eval()
    x = torch.randn(2, 3, 17, 17, generator=torch.Generator().manual_seed(1))
    expected = module(x)
    assert torch.equal(copy.deepcopy(module)(x), expected)
    assert torch.equal(pickle.loads(pickle.dumps(module))(x), expected)
    program = torch.export.export(module, (x,)).module()
    assert torch.allclose(program(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0:RuntimeWarning")  # of that release only
@pytest.mark.parametrize("block", ["y", "z"])
def test_compiling_breaks_no_graph(block: str) -> None:
    """In training and evaluation; traced, but not made into machine code, which takes minutes."""
    arch = Arch((Stage(2, 8, 1),), block, Stem("imagenet", 8), 0.25, 16, 5, 3, head_width=12)
    module = build(arch, seed=0, drop_rate=0.1, drop_path_rate=0.1)
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    x = torch.randn(2, 3, 17, 17, generator=torch.Generator().manual_seed(1))
    module.train()
    compiled(x).sum().backward()
    assert all(value.grad is not None for value in module.parameters())
    module.eval()
    assert torch.allclose(compiled(x), module(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("block", BLOCKS)
def test_features_and_head_are_the_forward_pass_in_two(make_arch: MakeArch, block: str) -> None:
    for head_width in (0, 12):
        module = build(make_arch(block, head_width=head_width), seed=0).eval()
        x = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))
        maps = module.forward_features(x)
        assert maps.shape == (2, head_width or 24, 5, 5)
        assert torch.equal(module.forward_head(maps), module(x))
        pooled = module.forward_head(maps, pre_logits=True)
        assert pooled.shape == (2, module.num_features)
        assert torch.equal(module.get_classifier()(pooled), module(x))


def test_a_new_classifier_takes_the_place_of_the_old_one() -> None:
    module = build(SMALL, seed=0).double().eval()
    kept = module.stem.conv.weight.detach().clone()
    module.reset_classifier(3, seed=1)
    assert (module.num_classes, module.arch.num_classes, module.num_features) == (3, 3, 24)
    assert module.get_classifier().weight.dtype == torch.float64
    assert not module.get_classifier().training
    assert module(torch.zeros(1, 2, 9, 9).double()).shape == (1, 3)
    assert torch.equal(module.stem.conv.weight, kept)
    again = build(SMALL, seed=5)
    again.reset_classifier(3, seed=1)
    assert torch.equal(module.get_classifier().weight, again.get_classifier().weight.double())
    assert not again.get_classifier().bias.any()


def test_without_a_classifier_the_network_gives_its_features() -> None:
    module = build(SMALL, seed=0).eval()
    x = torch.randn(2, 2, 9, 9, generator=torch.Generator().manual_seed(1))
    expected = module.forward_head(module.forward_features(x), pre_logits=True)
    module.reset_classifier(0)
    assert module.num_classes == 0
    assert torch.equal(module(x), expected)
    module.reset_classifier(2)
    assert module(x).shape == (2, 2)


@pytest.mark.parametrize("classes", [-1, 2.0, True, None])
def test_classes_that_cannot_be_are_refused(classes: object) -> None:
    with pytest.raises(ArchError, match="num_classes is a whole number, 0 for no classifier, not"):
        build(SMALL).reset_classifier(classes)


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


@pytest.mark.parametrize("name", ["regnet_y_400mf", "resnet18", "regnet_z_500mf", "v56_cifar"])
def test_weights_have_the_published_distribution(name: str) -> None:
    module = build(published(name), seed=0)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            deviation = math.sqrt(2 / (layer.kernel_size[0] ** 2 * layer.out_channels))
            n = layer.weight.numel()
            # five standard errors of a deviation and of a mean
            assert abs(float(layer.weight.detach().std()) / deviation - 1) < 5 / math.sqrt(2 * n)
            assert abs(float(layer.weight.detach().mean()) / deviation) < 5 / math.sqrt(n)
            assert layer.bias is None or not layer.bias.any()
        elif isinstance(layer, nn.Linear):
            assert abs(float(layer.weight.detach().std()) / 0.01 - 1) < 5 / math.sqrt(2 * layer.weight.numel())
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
    assert build(replace(SMALL, block="x", se_ratio=0.0)).s1.b1.f.se is None


def test_gates_are_squeezed_to_one_channel_at_least() -> None:
    narrow = Arch((Stage(1, 8),), "y", Stem("cifar", 1), 0.25, 4, 2, 1)
    module = build(narrow, seed=0)
    assert module.s1.b1.f.se.f_ex[0].out_channels == 1
