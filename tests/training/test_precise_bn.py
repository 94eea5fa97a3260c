import copy

import pytest
import torch
from torch import nn

from netwright.nn import build
from netwright.training.precise_bn import precise_bn


def batches(count=3, size=8):
    generator = torch.Generator().manual_seed(0)
    return [2 * torch.randn(size, 1, 8, 8, generator=generator) + step for step in range(count)]


def test_statistics_are_means_over_the_batches():
    module = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3))
    xs = batches()
    with torch.no_grad():
        ys = [module[0](x) for x in xs]
    precise_bn(module, xs)
    assert torch.allclose(module[1].running_mean, torch.stack([y.mean((0, 2, 3)) for y in ys]).mean(0), atol=1e-5)
    assert torch.allclose(module[1].running_var, torch.stack([y.var((0, 2, 3)) for y in ys]).mean(0), rtol=1e-5)


def test_all_layers_of_a_network_as_with_a_momentum_of_one(tiny):
    """Against torch: statistics of a batch are what a momentum of 1 leaves."""
    module = build(tiny, seed=0)
    xs = batches()
    by_hand = copy.deepcopy(module).train()
    norms = {name: part for name, part in by_hand.named_modules() if isinstance(part, nn.BatchNorm2d)}
    sums = {name: [torch.zeros(part.num_features), torch.zeros(part.num_features)] for name, part in norms.items()}
    for part in norms.values():
        part.momentum = 1.0
    for x in xs:
        with torch.no_grad():
            by_hand(x)
        for name, part in norms.items():
            sums[name][0] += part.running_mean / len(xs)
            sums[name][1] += part.running_var / len(xs)
    precise_bn(module, iter(xs))
    for name, (mean, var) in sums.items():
        part = module.get_submodule(name)
        assert torch.allclose(part.running_mean, mean, atol=1e-5), name
        assert torch.allclose(part.running_var, var, rtol=1e-4, atol=1e-6), name


def test_everything_else_is_as_before(tiny):
    module = build(tiny, seed=0).train()
    module.s1.eval()
    module(torch.randn(4, 1, 8, 8))
    weights = copy.deepcopy(dict(module.named_parameters()))
    modes = [part.training for part in module.modules()]
    counts = [int(part.num_batches_tracked) for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    buffers = [id(value) for value in module.buffers()]
    before = module.stem.bn.running_mean.clone()
    precise_bn(module, batches())
    assert not torch.equal(module.stem.bn.running_mean, before)
    assert [part.training for part in module.modules()] == modes
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    assert [int(part.num_batches_tracked) for part in norms] == counts
    assert {part.momentum for part in norms} == {0.1}
    assert [id(value) for value in module.buffers()] == buffers
    for name, value in module.named_parameters():
        assert torch.equal(value, weights[name])
        assert value.grad is None


def test_dropout_is_off_and_no_random_number_is_drawn():
    module = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm2d(1)).train()
    state = torch.get_rng_state()
    xs = batches()
    precise_bn(module, xs)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.allclose(module[1].running_mean, torch.stack([x.mean() for x in xs]).mean(), atol=1e-5)
    assert module[0].training


def test_nothing_changes_without_batches_or_when_one_fails(tiny):
    module = build(tiny, seed=0).train()
    module(torch.randn(4, 1, 8, 8))
    before = copy.deepcopy(module.state_dict())

    def breaking():
        yield batches()[0]
        raise OSError("gone")

    calls = []
    precise_bn(module, [], all_reduce_mean=calls.append)
    with pytest.raises(OSError, match="gone"):
        precise_bn(module, breaking(), all_reduce_mean=calls.append)
    assert calls == []
    assert module.training
    assert module.stem.bn.momentum == 0.1
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_ranks_average_theirs(tiny):
    """Two ranks with other batches get what one has with all of them, where there is one layer."""
    together, *apart = (nn.Sequential(nn.BatchNorm2d(1)) for _ in range(3))
    xs = batches(4)
    precise_bn(together, xs)
    told = []
    precise_bn(apart[0], xs[:2], all_reduce_mean=lambda tensors: told.append([value.clone() for value in tensors]))

    def average(tensors):
        for value, other in zip(tensors, told[0], strict=True):
            value.add_(other).div_(2)

    precise_bn(apart[1], xs[2:], all_reduce_mean=average)
    assert torch.allclose(apart[1][0].running_mean, together[0].running_mean, atol=1e-6)
    assert torch.allclose(apart[1][0].running_var, together[0].running_var, rtol=1e-5)


def test_layers_without_statistics_are_left_alone():
    module = nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), nn.InstanceNorm2d(1, track_running_stats=True))
    before = copy.deepcopy(module.state_dict())
    precise_bn(module, batches())
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
