"""Blocks, stems and heads of every family against torchvision's and timm's own with the same weights, in training:
results, gradients and statistics."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netwright.arch import Arch, Stage, Stem
from netwright.nn import build

# ours -> theirs, within a block
TV_BASIC = {"f.a.": "conv1.", "f.a_bn.": "bn1.", "f.b.": "conv2.", "f.b_bn.": "bn2."}
TV_BOTTLENECK = TV_BASIC | {"f.c.": "conv3.", "f.c_bn.": "bn3."}
TV_SHORTCUT = {"proj.": "downsample.0.", "bn.": "downsample.1."}
TIMM = {"f.a.": "conv1.conv.", "f.b.": "conv2.conv.", "f.c.": "conv3.conv.", "proj.": "downsample.conv."}
TIMM |= {"f.a_bn.": "conv1.bn.", "f.b_bn.": "conv2.bn.", "f.c_bn.": "conv3.bn.", "bn.": "downsample.bn."}
TIMM |= {"f.se.f_ex.0.": "se.fc1.", "f.se.f_ex.2.": "se.fc2."}


def torchvisions(block: str, inputs: int, stage: Stage) -> nn.Module:
    from torchvision.models.resnet import BasicBlock, Bottleneck

    changes = inputs != stage.width or stage.stride != 1
    shortcut = nn.Sequential(nn.Conv2d(inputs, stage.width, 1, stage.stride, bias=False), nn.BatchNorm2d(stage.width))
    if block == "basic":
        return BasicBlock(inputs, stage.width, stage.stride, shortcut if changes else None)
    # torchvision counts in planes, a quarter of the width; base_width is of the inner width for 64 planes
    planes = stage.width // 4
    base_width = 64 * stage.inner_width // (planes * stage.groups)
    return Bottleneck(inputs, planes, stage.stride, shortcut if changes else None, stage.groups, base_width)


def timms(block: str, inputs: int, stage: Stage) -> nn.Module:
    from timm.models.regnet import Bottleneck

    linear = {"linear_out": True, "downsample": "", "act_layer": "silu"} if block == "z" else {}
    return Bottleneck(
        inputs,
        stage.width,
        stage.stride,
        bottle_ratio=1 / stage.bottleneck,
        group_size=stage.group_width,
        se_ratio=0.0 if block in "rx" else 0.25,
        **linear,
    )


def plain(inputs: int, stage: Stage) -> nn.Module:
    width = stage.width
    convs = nn.Conv2d(inputs, width, 3, stage.stride, 1, bias=False), nn.Conv2d(width, width, 3, 1, 1, bias=False)
    return nn.Sequential(convs[0], nn.BatchNorm2d(width), nn.ReLU(), convs[1], nn.BatchNorm2d(width), nn.ReLU())


PLAIN = {"a.": "0.", "a_bn.": "1.", "b.": "3.", "b_bn.": "4."}
CASES: dict[str, tuple[str, dict[str, str], Callable[..., nn.Module]]] = {
    "v": ("v", PLAIN, lambda _, *of: plain(*of)),
    "basic": ("basic", TV_BASIC | TV_SHORTCUT, torchvisions),
    "r": ("r", TV_BOTTLENECK | TV_SHORTCUT, torchvisions),
    "x": ("x", TV_BOTTLENECK | TV_SHORTCUT, torchvisions),
    "x of timm": ("x", TIMM, timms),
    "y": ("y", TIMM, timms),
    "z": ("z", TIMM, timms),
}


def renamed(state: dict[str, Tensor], table: dict[str, str]) -> dict[str, Tensor]:
    found = {}
    for name, value in state.items():
        part = next(part for part in table if name.startswith(part))
        found[table[part] + name.removeprefix(part)] = value.clone()
    return found


def trained(module: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """The result, and the gradient that gets through."""
    x = x.clone().requires_grad_()
    y = module.train()(x)
    y.backward(torch.cos(torch.arange(y.numel(), dtype=y.dtype)).reshape(y.shape))
    assert x.grad is not None
    return y.detach(), x.grad


@pytest.mark.parametrize("keeps", [False, True], ids=["strided", "of the same shape"])
@pytest.mark.parametrize("case", CASES)
def test_blocks_are_those_of_others(randomize: Callable[..., None], case: str, keeps: bool):
    block, table, make = CASES[case]
    bottleneck = {"r": 4.0, "x": 2.0, "y": 1.0, "z": 0.25}.get(block, 1.0)
    group_width = {"x": 4, "y": 8, "z": 8}.get(block, 0)
    inputs = 16 if keeps else 8
    stage = Stage(1, 16, 1 if keeps else 2, bottleneck, group_width)
    arch = Arch((stage,), block, Stem("cifar", inputs), 0.25 if block in "yz" else 0.0, 9, 2)
    network = build(arch, seed=0)
    randomize(network)
    ours, theirs = network.s1.b1.double(), make(block, inputs, stage).double()
    theirs.load_state_dict(renamed(ours.state_dict(), table))
    x = torch.randn(3, inputs, 9, 9, generator=torch.Generator().manual_seed(1)).double()
    for found, expected in zip(trained(ours, x), trained(theirs, x), strict=True):
        assert torch.allclose(found, expected, rtol=1e-9, atol=1e-12)
    # statistics moved alike, and evaluation uses them alike
    after, state = renamed(ours.state_dict(), table), theirs.state_dict()
    assert all(torch.allclose(after[name].double(), state[name].double(), rtol=1e-9) for name in state)
    assert torch.allclose(ours.eval()(x), theirs.eval()(x), rtol=1e-9, atol=1e-12)


def test_the_stem_for_imagenet_is_torchvisions(randomize: Callable[..., None], make_arch: Callable[..., Any]):
    from torchvision.models import resnet18

    ours, theirs = build(make_arch("basic", "imagenet"), seed=0), resnet18()
    randomize(ours)
    stem = nn.Sequential(theirs.conv1, theirs.bn1, theirs.relu, theirs.maxpool)
    with torch.no_grad():
        theirs.conv1.weight[:8] = ours.stem.conv.weight
    theirs.bn1.load_state_dict(
        {name: value.repeat(8) if value.ndim else value for name, value in ours.stem.bn.state_dict().items()}
    )
    x = torch.randn(2, 3, 37, 20, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(ours.stem.eval()(x), stem.eval()(x)[:, :8], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("head_width", [0, 12])
@pytest.mark.parametrize("block", ["x", "z"])
def test_heads_are_the_layers_one_after_another(
    randomize: Callable[..., None], make_arch: Callable[..., Any], block: str, head_width: int
):
    module = build(make_arch(block, head_width=head_width), seed=0)
    randomize(module)
    head = module.head.eval()
    act = nn.SiLU() if block == "z" else nn.ReLU()
    layers = [head.conv, head.bn, act] if head_width else [act] if block == "z" else []
    other = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head.fc)
    x = torch.randn(2, 24, 5, 4, generator=torch.Generator().manual_seed(1))
    kept = x.clone()
    assert torch.allclose(head(x), other(x), rtol=1e-5, atol=1e-6)
    assert torch.equal(x, kept)
