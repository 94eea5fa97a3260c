"""Without a CUDA device only what is not recorded can be tested; benchmarks/gpu.py has the rest."""

import pytest
import torch
from torch import nn

from netwright.training.engine import Engine, EpochMeter, train_epoch
from netwright.training.graphed import GraphedEngine, engine_class

CPU = torch.device("cpu")


def test_graphs_are_for_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETWRIGHT_CUDA_GRAPHS", raising=False)
    assert engine_class(CPU) is Engine
    assert engine_class(torch.device("cuda:1")) is GraphedEngine


def test_a_variable_switches_them_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETWRIGHT_CUDA_GRAPHS", "0")
    assert engine_class(torch.device("cuda:1")) is Engine


def trained(kind: type[Engine], **options: object) -> tuple[list[torch.Tensor], Engine]:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, fused=True)
    engine = kind(module, optimizer, lambda step: 0.1 / (1 + step), nn.functional.cross_entropy, **options)
    generator = torch.Generator().manual_seed(1)
    batches = [(torch.randn(4, 3, 2, 2, generator=generator), torch.tensor([0, 1, 2, 1])) for _ in range(6)]
    train_epoch(engine, batches, EpochMeter.start(1, CPU), 6)
    return [value.detach() for value in module.state_dict().values()], engine


class Wrapped(nn.Module):
    """As DistributedDataParallel, as far as an engine sees."""

    no_sync = torch.enable_grad

    def __init__(self) -> None:
        super().__init__()
        self.module: nn.Module = nn.Identity()


@pytest.mark.parametrize("options", [{"skip_nan": True}, {"accumulate": 2}])
def test_what_cannot_be_recorded_is_done_step_by_step(options: dict[str, object]) -> None:
    plain, _ = trained(Engine, **options)
    graphed, engine = trained(GraphedEngine, **options)
    assert all(map(torch.equal, plain, graphed))
    assert not engine._can_record


def test_an_optimizer_that_is_not_fused_is_not_recorded() -> None:
    module = nn.Linear(2, 2)
    engine = GraphedEngine(module, torch.optim.SGD(module.parameters(), 0.1), lambda _: 0.1, nn.functional.mse_loss)
    assert not engine._can_record


def test_several_ranks_are_not_recorded() -> None:
    module = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(module.parameters(), 0.1, fused=True)
    engine = GraphedEngine(module, optimizer, lambda _: 0.1, nn.functional.mse_loss, wrapped=Wrapped())
    assert not engine._can_record
    assert GraphedEngine(module, optimizer, lambda _: 0.1, nn.functional.mse_loss)._can_record
