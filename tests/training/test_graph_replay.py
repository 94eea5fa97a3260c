"""Training steps replayed as CUDA graphs, which are simulated on the processor: the same weights, bit for bit."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from fixtures.simulated_graphs import Graph, simulated_graphs
from torch import Tensor, nn

from netwright.recipe.training import Optimization, Precision
from netwright.training.ema import EmaModel
from netwright.training.engine import Engine, EpochMeter, train_epoch
from netwright.training.graphed import GraphedEngine
from netwright.training.optimizer import make_optimizer
from netwright.training.precision import LossScaler

SHAPES = (4, 4, 4, 4, 4, 4, 3)  # of batches: the last one is not full


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[Graph]:
    return simulated_graphs(monkeypatch)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(32, 3)
    )


def trained(kind: type[Engine], recipe: dict[str, Any], shapes: tuple[int, ...] = SHAPES, **more: Any) -> list[Tensor]:
    """Weights, statistics and average after two epochs, and the sums of their losses."""
    module = network()
    optimizer = make_optimizer(module, Optimization(weight_decay=1e-3, **recipe), 0.1)
    average = EmaModel(module, 0.9)
    loss = more.pop("criterion", nn.functional.cross_entropy)
    # rates that fp32 holds exactly: a graph has them in fp32, and without one Adam computes with them in fp64
    engine = kind(module, optimizer, lambda step: 2.0 ** -(4 + step % 5), loss, ema=average, **more)
    generator, found = torch.Generator().manual_seed(1), []
    for epoch in (1, 2):
        batches = [
            (torch.randn(n, 3, 4, 4, generator=generator), torch.randint(0, 3, (n,), generator=generator))
            for n in shapes
        ]
        meter = EpochMeter.start(epoch, torch.device("cpu"))
        train_epoch(engine, batches, meter, len(shapes))
        found += [meter.loss, meter.wrong]
    values = (*module.state_dict().values(), *average.module.state_dict().values())
    return [*found, *(value.detach() for value in values)]


@pytest.mark.parametrize(
    ("recipe", "more"),
    [
        ({"optimizer": "momentum", "nesterov": True}, {}),
        ({"optimizer": "sgd"}, {"clip_norm": 0.1}),
        ({"optimizer": "adam"}, {}),
        ({"optimizer": "adamw", "weight_decay_filter": "auto"}, {}),
    ],
)
def test_a_replayed_step_is_the_step(graphs: list[Graph], recipe: dict[str, Any], more: dict[str, Any]) -> None:
    plain = trained(Engine, recipe, **more)
    replayed = trained(GraphedEngine, recipe, **more)
    assert [graph.replays for graph in graphs] == [2 * 6 - 3]  # all full batches but the first three
    assert all(map(torch.equal, plain, replayed))


def overflowing() -> LossScaler:
    return LossScaler(Precision(loss_scale_type="dynamic", loss_scale=2.0**127), "fp16")


@pytest.mark.parametrize(
    ("recipe", "more"),
    [
        ({"optimizer": "momentum"}, lambda: {"accumulate": 2}),  # the last step has one batch of two, not full either
        ({"optimizer": "momentum"}, lambda: {"accumulate": 4, "skip_nan": True}),
        ({"optimizer": "momentum"}, lambda: {"scaler": overflowing()}),
        pytest.param({"optimizer": "muon"}, dict, marks=pytest.mark.slow),  # imports timm
        ({"optimizer": "rmsprop"}, dict),
        ({"optimizer": "nadam"}, dict),
    ],
)
def test_what_no_graph_can_hold_is_done_as_always(
    graphs: list[Graph], recipe: dict[str, Any], more: Callable[[], dict[str, Any]]
) -> None:
    plain = trained(Engine, recipe, **more())
    as_always = trained(GraphedEngine, recipe, **more())
    assert graphs == []
    assert all(map(torch.equal, plain, as_always))


def test_a_step_that_cannot_be_recorded_is_tried_once(graphs: list[Graph]) -> None:
    def reading(logits: Tensor, target: Tensor) -> Tensor:
        loss = nn.functional.cross_entropy(logits, target)
        assert loss.item() > 0  # waits for the device
        return loss

    recipe = {"optimizer": "adamw"}
    plain = trained(Engine, recipe, criterion=reading)
    as_always = trained(GraphedEngine, recipe, criterion=reading)
    assert [graph.replays for graph in graphs] == [0]
    assert all(map(torch.equal, plain, as_always))


class Forgetful(GraphedEngine):
    """Gives the rate of a step to copies, which no graph reads."""

    def _replay(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        self._lrs = [each.clone() for each in self._lrs]
        return super()._replay(x, target)


def test_a_learning_rate_that_a_graph_is_not_told_is_seen(graphs: list[Graph]) -> None:
    """The simulation is no rubber stamp."""
    wrong = trained(Forgetful, {"optimizer": "sgd"})
    assert graphs[0].replays
    assert not all(map(torch.equal, trained(Engine, {"optimizer": "sgd"}), wrong))
