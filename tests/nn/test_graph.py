"""torch's own tools take every family: tracing, scripts, torch.fx, torchvision's feature extractor, backward hooks."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import Tensor, nn

from netwright.arch import BLOCKS, Arch, Stage, Stem
from netwright.errors import ArchError
from netwright.nn import AnyNet, FeatureExtractor, build, fuse
from netwright.testing import disturbed

# torch says that it wants to leave torch.jit
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    return


@pytest.fixture(params=[*BLOCKS, "fused y", "pooled r", "fused pooled x"])
def network(request: pytest.FixtureRequest) -> AnyNet:
    block = request.param.split()[-1]
    family = BLOCKS[block]
    stages = tuple(Stage(2, width, 2, 1.0, 4 if family.is_grouped else width) for width in (8, 16))
    stem = Stem("imagenet" if "pooled" in request.param else "simple", 8)
    module = disturbed(build(Arch(stages, block, stem, family.se_ratio, 32, 5), seed=0)).float().eval()
    return fuse(module) if request.param.startswith("fused") else module


X = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def same(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("grad", [True, False])
def test_a_trace_is_the_same_in_both_modes_of_gradients(network: AnyNet, grad: bool):
    with torch.set_grad_enabled(grad):
        traced = torch.jit.trace(network, X)  # which checks itself
    with torch.no_grad():
        assert same(traced(X), network(X))
    x = X.clone().requires_grad_()
    traced(x).sum().backward()
    own = X.clone().requires_grad_()
    network(own).sum().backward()
    assert same(x.grad, own.grad)


def test_a_script(network: AnyNet):
    script = torch.jit.script(network)
    assert script.state_dict().keys() == network.state_dict().keys()
    buffer = io.BytesIO()
    torch.jit.save(script, buffer)
    buffer.seek(0)
    assert same(torch.jit.load(buffer)(X), network(X))
    assert len(torch.jit.script(FeatureExtractor(network))(X)) == 3


def test_torch_fx_and_the_feature_extractor_of_torchvision(network: AnyNet):
    from torchvision.models.feature_extraction import create_feature_extractor

    assert same(torch.fx.symbolic_trace(network)(X), network(X))
    if network.is_fused:  # torchvision records the training mode too
        with pytest.raises(ArchError, match="no batch norm left to train"):
            create_feature_extractor(copy.deepcopy(network), ["s1"])
        return
    found = create_feature_extractor(copy.deepcopy(network), {"s1": "first", "head.fc": "logits"})(X)
    assert same(found["logits"], network(X))
    assert same(found["first"], network.s1(network.stem(X)))


@pytest.mark.parametrize("training", [True, False])
def test_backward_hooks_on_every_part(network: AnyNet, training: bool):
    if training and network.is_fused:
        return  # it is not trained
    plain, hooked = copy.deepcopy(network).train(training), copy.deepcopy(network).train(training)
    seen: list[nn.Module] = []
    parts = list(hooked.modules())
    for part in parts:
        part.register_full_backward_hook(lambda module, *_: seen.append(module))
    first, second = (X.clone().requires_grad_() for _ in range(2))
    plain(first).square().sum().backward()
    hooked(second).square().sum().backward()
    assert same(first.grad / first.grad.abs().max(), second.grad / first.grad.abs().max())
    leaves = [part for part in parts if not list(part.children()) and not isinstance(part, nn.Identity)]
    assert set(map(id, leaves)) <= set(map(id, seen))


def test_export(network: AnyNet):
    assert same(torch.export.export(network, (X,)).module()(X), network(X))
