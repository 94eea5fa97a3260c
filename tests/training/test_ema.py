import copy
import math

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from netwright.nn import build
from netwright.training.ema import EmaModel


def moved(module, seed):
    """The module with other weights and statistics."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in (*module.parameters(), *module.buffers()):
            if value.is_floating_point():
                value.add_(torch.rand(value.shape, generator=generator))
            else:
                value.add_(1)
    return module


def test_it_averages_parameters_and_statistics_with_a_warm_up(tiny):
    module = build(tiny, seed=0)
    ema = EmaModel(module, 0.99)
    expected = {name: value.double() for name, value in module.state_dict().items()}
    for update in range(1, 6):
        moved(module, update)
        ema.update(module)
        decay = 0.99 * (1 - math.exp(-update / 2000))
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                expected[name] = decay * expected[name] + (1 - decay) * value.double()
            else:
                expected[name] = value.double()
    assert ema.updates == 5
    names = set()
    for name, value in ema.module.state_dict().items():
        names.add(name.rpartition(".")[2])
        assert torch.allclose(value.double(), expected[name], atol=1e-6), name
    assert {"weight", "running_mean", "running_var", "num_batches_tracked"} <= names
    assert int(ema.module.stem.bn.num_batches_tracked) == 5


@pytest.mark.parametrize(("update", "share"), [(1, 1 - math.exp(-1 / 2000)), (2000, 1 - 1 / math.e), (10**6, 1.0)])
def test_the_decay_warms_up(update, share):
    assert EmaModel(nn.Linear(1, 1), 0.9999).decay_at(update) == pytest.approx(0.9999 * share, rel=1e-12)


def test_it_forgets_the_initial_weights():
    module = nn.Linear(2, 2)
    ema = EmaModel(module, 0.9999)
    with torch.no_grad():
        module.weight.fill_(1.0)
    for _ in range(20):
        ema.update(module)
    assert torch.allclose(ema.module.weight, torch.ones(2, 2), atol=1e-6)


def test_it_is_a_frozen_copy_in_evaluation_mode(tiny):
    module = build(tiny, seed=0).to(memory_format=torch.channels_last).train()
    module(torch.randn(4, 1, 8, 8)).sum().backward()
    ema = EmaModel(module, 0.9)
    before = copy.deepcopy(module.state_dict())
    moved(ema.module, 0)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any(part.training for part in ema.module.modules())
    assert not any(value.requires_grad or value.grad is not None for value in ema.module.parameters())
    assert module.training
    assert all(value.requires_grad for value in module.parameters())
    for own, other in zip(ema.module.parameters(), module.parameters(), strict=True):
        assert own.stride() == other.stride()


def test_a_state_goes_on_bit_for_bit(tiny):
    module = build(tiny, seed=0)
    one = EmaModel(module, 0.999)
    for seed in range(3):
        one.update(moved(module, seed))
    two = EmaModel(module, 0.999)
    two.module.load_state_dict({name: value.clone() for name, value in one.module.state_dict().items()})
    two.updates = one.updates
    for seed in range(3, 5):
        moved(module, seed)
        one.update(module)
        two.update(module)
    for name, value in one.module.state_dict().items():
        assert torch.equal(value, two.module.state_dict()[name]), name


@pytest.fixture
def alone(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_a_wrapped_module_is_the_same(tiny):
    module = build(tiny, seed=0)
    plain, wrapped = EmaModel(module, 0.9), EmaModel(torch.compile(DistributedDataParallel(module)), 0.9)
    assert wrapped.module.state_dict().keys() == module.state_dict().keys()
    moved(module, 1)
    plain.update(module)
    wrapped.update(torch.compile(DistributedDataParallel(module)))
    for name, value in plain.module.state_dict().items():
        assert torch.equal(value, wrapped.module.state_dict()[name])
