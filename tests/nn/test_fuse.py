"""A fused network against the one that it was made from."""

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netwright.arch import BLOCKS, STEMS
from netwright.errors import ArchError
from netwright.nn import AnyNet, FeatureExtractor, build, fuse
from netwright.nn.convolve import FusedConv


@pytest.fixture
def network(make_arch: Callable[..., Any], randomize: Callable[..., None]) -> Callable[..., AnyNet]:
    def make(block: str = "y", stem: str = "imagenet", head_width: int = 12) -> AnyNet:
        module = build(make_arch(block, stem, head_width), seed=0).eval()
        randomize(module)
        return module

    return make


def images(n: int = 3, side: int = 33) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(1))


def apart(a: Tensor, b: Tensor) -> float:
    """Relative to the largest."""
    return float((a.double() - b.double()).abs().max() / a.double().abs().max())


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("block", BLOCKS)
def test_results_are_the_same_at_once_and_one_by_one(network: Callable[..., AnyNet], block: str, stem: str):
    module = network(block, stem)
    fused, x = fuse(module), images()
    assert not any(isinstance(part, nn.BatchNorm2d) for part in fused.modules())
    expected = module(x).detach()
    with torch.inference_mode():
        assert apart(expected, fused(x)) < 1e-5
        assert apart(expected, fused(images(3).contiguous(memory_format=torch.channels_last))) < 1e-5
    with torch.enable_grad():  # plain operations
        assert apart(expected, fused(x).detach()) < 1e-5
    with torch.inference_mode():
        assert apart(module.double()(x.double()), fuse(module)(x.double())) < 1e-12


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 3, 7, 33), (0, 3, 9, 9)])
def test_odd_shapes_work(network: Callable[..., AnyNet], shape: tuple[int, ...]):
    module, x = network("x"), torch.ones(shape)
    with torch.inference_mode():
        assert torch.allclose(module(x), fuse(module)(x), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_bf16_is_as_exact_as_without_fusing(network: Callable[..., AnyNet]):
    module, x = network("y"), images()
    expected = module(x)
    with torch.autocast("cpu", torch.bfloat16):
        fused, plain = fuse(module)(x), module(x)
    assert fused.dtype == plain.dtype == torch.bfloat16
    assert apart(expected, fused) < max(0.01, 1.5 * apart(expected, plain))
    assert apart(expected, fuse(module).bfloat16()(x.bfloat16())) < 0.02


def test_the_network_stays_as_it_was(network: Callable[..., AnyNet]):
    module = network().train()
    before = copy.deepcopy(module.state_dict())
    fuse(module)
    assert module.training
    assert all(value.requires_grad for value in module.parameters())
    assert list(before) == list(module.state_dict())
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in before.items())


def test_changed_weights_are_used(network: Callable[..., AnyNet]):
    fused, x = fuse(network("v")), images()
    with torch.inference_mode():
        first = fused(x)
        fused.s1.b1.a.weight.mul_(0.0)
        second = fused(x)
    with torch.enable_grad():
        plain = fused(x).detach()
    assert not torch.allclose(first, second)
    assert torch.allclose(second, plain, rtol=1e-4, atol=1e-5)


def test_copies_and_pickles_compute_the_same(network: Callable[..., AnyNet]):
    fused, x = fuse(network()), images()
    with torch.inference_mode():
        expected = fused(x)  # which packs the weights
        assert torch.equal(copy.deepcopy(fused)(x), expected)
        assert torch.equal(pickle.loads(pickle.dumps(fused))(x), expected)
        assert torch.equal(fuse(fused)(x), expected)


def test_inputs_still_get_gradients(network: Callable[..., AnyNet]):
    module, x = network(), images().requires_grad_()
    (expected,) = torch.autograd.grad(module(x).sum(), x)
    (found,) = torch.autograd.grad(fuse(module)(x).sum(), x)
    assert apart(expected, found) < 1e-4


def test_threads_share_a_fused_network(network: Callable[..., AnyNet]):
    fused, found = fuse(network()), {}
    with torch.inference_mode():
        expected = {side: fused(images(2, side)) for side in (9, 16, 33)}

    @torch.inference_mode()
    def serve(side: int) -> None:
        found[side] = [fused(images(2, side)) for _ in range(8)]

    threads = [threading.Thread(target=serve, args=(side,)) for side in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.allclose(each, expected[side], atol=1e-6) for side in expected for each in found[side])


def test_features_and_hooks_work(network: Callable[..., AnyNet]):
    module, x, seen = network(), images(), []
    fused = fuse(module)
    for part in fused.modules():
        if isinstance(part, FusedConv):
            part.register_forward_hook(lambda *_: seen.append(1))
    with torch.inference_mode():
        maps = FeatureExtractor(fused)(x)
        pairs = list(zip(FeatureExtractor(module)(x), maps, strict=True))
        assert all(apart(ours, theirs) < 1e-5 for ours, theirs in pairs)
    assert len(seen) == 1 + 4 * 3 + 2  # stem, blocks, and projections of the stages that change the shape


def test_exporters_see_plain_operations(network: Callable[..., AnyNet]):
    fused, x = fuse(network()), images()
    with torch.inference_mode(False), torch.no_grad():
        program = torch.export.export(fused, (x,))
    names = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert not {name for name in names if "mkldnn" in name or "batch_norm" in name}
    assert torch.allclose(program.module()(x), fused(x), rtol=1e-4, atol=1e-5)


def test_what_cannot_be_fused_or_trained_is_refused(network: Callable[..., AnyNet]):
    with pytest.raises(ArchError, match="no batch norm left to train"):
        fuse(network()).train()
    module = network()
    module.stem.bn.running_mean = None
    with pytest.raises(ArchError, match="this one keeps none"):
        fuse(module)
