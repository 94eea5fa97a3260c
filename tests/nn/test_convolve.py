"""Convolutions of few channels with stride, in the memory layout that training uses."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from netwright.arch import Arch, Stage, Stem
from netwright.nn import build, fuse
from netwright.nn.convolve import NarrowStridedConv, conv2d

NARROW = Arch((Stage(1, 8, 1, 1.0, 4), Stage(1, 16, 2, 1.0, 4)), "x", Stem("cifar", 8), 0.0, 48, 10, 3)


@pytest.mark.parametrize("channels", [1, 3, 8, 15])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_a_narrow_convolution_with_stride_has_the_gradients_of_its_definition(
    channels: int, layout: torch.memory_format
):
    torch.manual_seed(0)
    conv = conv2d(channels, 5, 1, stride=2).to(memory_format=layout)
    assert type(conv) is NarrowStridedConv
    x = torch.randn(4, channels, 9, 12).contiguous(memory_format=layout).requires_grad_()
    y = conv(x)
    assert channels == 1 or y.is_contiguous(memory_format=layout)
    pixels, weight = x.detach()[:, :, ::2, ::2].double(), conv.weight.detach()[:, :, 0, 0].double()
    torch.testing.assert_close(y.double(), torch.einsum("oi,bihw->bohw", weight, pixels), rtol=1e-5, atol=1e-5)
    gradient = torch.randn_like(y)
    y.backward(gradient)
    assert conv.weight.grad is not None
    assert x.grad is not None
    by_weight = torch.einsum("bohw,bihw->oi", gradient.double(), pixels)
    torch.testing.assert_close(conv.weight.grad[:, :, 0, 0].double(), by_weight, rtol=1e-5, atol=1e-5)
    by_image = torch.zeros_like(x, dtype=torch.float64)
    by_image[:, :, ::2, ::2] = torch.einsum("oi,bohw->bihw", weight, gradient.double())
    torch.testing.assert_close(x.grad.double(), by_image, rtol=1e-5, atol=1e-5)


def test_only_narrow_convolutions_of_1x1_with_stride_are_computed_in_two_steps():
    assert type(conv2d(16, 8, 1, stride=2)) is nn.Conv2d
    assert type(conv2d(8, 16, 1)) is nn.Conv2d
    assert type(conv2d(8, 16, 3, stride=2)) is nn.Conv2d


def test_a_network_with_one_fuses_and_keeps_its_names():
    network = build(NARROW, seed=0).eval()
    assert isinstance(network.get_submodule("s2.b1.proj"), NarrowStridedConv)
    assert "s2.b1.proj.weight" in network.state_dict()
    x = torch.randn(2, 3, 48, 48)
    with torch.no_grad():
        torch.testing.assert_close(fuse(network)(x), network(x), rtol=1e-4, atol=1e-4)


TRAIN = """
import torch
from netwright.arch import Arch
from netwright.nn import build

torch.set_num_threads(1)
network = build(Arch.from_dict({arch}), seed=0).to(memory_format=torch.channels_last)
x = torch.randn(16, 3, 48, 48).contiguous(memory_format=torch.channels_last)
for bf16 in (False, True):
    for _ in range(3):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = network(x).float().square().mean()
        loss.backward()
"""


@pytest.mark.slow
def test_the_gradients_of_a_narrow_network_end_no_process():
    """oneDNN wrote behind the end of its memory: signal 11 at 48 pixels and 8 channels."""
    ended = subprocess.run(
        [sys.executable, "-c", TRAIN.format(arch=NARROW.to_dict())], capture_output=True, text=True, timeout=240
    )
    assert ended.returncode == 0, f"{ended.returncode}\n{ended.stderr}"
