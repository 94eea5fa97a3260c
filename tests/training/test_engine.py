import math
from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn import functional

from netwright.errors import Diverged
from netwright.training import Engine, EpochMeter, Evaluation, evaluate_batches, train_epoch
from netwright.training.engine import refuse_no_step

CPU = torch.device("cpu")


def network(seed: int = 0, norm: bool = False) -> nn.Sequential:
    torch.manual_seed(seed)
    layers = [nn.Linear(6, 8), nn.BatchNorm1d(8) if norm else nn.Identity(), nn.ReLU(), nn.Linear(8, 5)]
    return nn.Sequential(*layers)


def data(batches: int, size: int = 8, seed: int = 1) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(size, 6, generator=generator), torch.randint(0, 5, (size,), generator=generator))
        for _ in range(batches)
    ]


def engine_of(module: nn.Module, lr: float = 0.1, **options: object) -> Engine:
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0, momentum=0.9)
    return Engine(module, optimizer, lr_schedule=lambda position: lr, criterion=functional.cross_entropy, **options)


def trained(engine: Engine, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> EpochMeter:
    meter = EpochMeter.start(1, CPU)
    train_epoch(engine, batches, meter, len(batches))
    return meter


def values(module: nn.Module) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in module.parameters()])


def test_a_step_is_the_optimizers_own():
    module, by_hand = network(), network()
    trained(engine_of(module), data(3))
    optimizer = torch.optim.SGD(by_hand.parameters(), lr=0.1, momentum=0.9)
    for x, target in data(3):
        optimizer.zero_grad()
        functional.cross_entropy(by_hand(x), target).backward()
        optimizer.step()
    assert torch.equal(values(module), values(by_hand))


def test_accumulated_batches_are_one_large_batch():
    small, large = network(), network()
    parts = data(4)
    trained(engine_of(small, accumulate=2), parts)
    pairs = [tuple(torch.cat(both) for both in zip(*parts[i : i + 2], strict=True)) for i in (0, 2)]
    trained(engine_of(large), pairs)
    assert torch.allclose(values(small), values(large), atol=1e-6)


def test_what_is_left_of_an_epoch_is_averaged_over_itself():
    module, by_hand = network(), network()
    parts = data(3)
    engine = engine_of(module, accumulate=2)
    meter = trained(engine, parts)
    assert (meter.batches, engine.schedule_step) == (3, 3)
    trained(engine_of(by_hand, accumulate=2), parts[:2])
    # momentum goes on, so only the gradient's share is compared: a fresh optimizer on both
    alone = network()
    alone.load_state_dict(by_hand.state_dict())
    trained(engine_of(alone), parts[2:])
    last = network()
    last.load_state_dict(by_hand.state_dict())
    trained(engine_of(last, accumulate=2), parts[2:])
    assert torch.equal(values(alone), values(last))


def test_the_schedule_is_asked_at_the_batches_seen():
    asked: list[int] = []
    module = network()
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    engine = Engine(
        module,
        optimizer,
        lr_schedule=lambda p: asked.append(p) or 0.1,
        criterion=functional.cross_entropy,
        accumulate=2,
    )
    trained(engine, data(4))
    assert asked == [0, 2]


def test_layers_have_their_own_share_of_the_learning_rate():
    module = network()
    before = [value.detach().clone() for value in module.parameters()]
    groups = [{"params": [value], "lr_scale": 0.0 if i < 2 else 1.0} for i, value in enumerate(module.parameters())]
    engine = Engine(
        module, torch.optim.SGD(groups, lr=1.0), lr_schedule=lambda _: 0.1, criterion=functional.cross_entropy
    )
    trained(engine, data(1))
    moved = [not torch.equal(value, old) for value, old in zip(module.parameters(), before, strict=True)]
    assert moved == [False, False, True, True]


def test_clipping_is_by_the_global_norm():
    module, by_hand = network(), network()
    [(x, target)] = data(1)
    trained(engine_of(module, clip_norm=0.01), [(x, target)])
    gradients = torch.autograd.grad(functional.cross_entropy(by_hand(x), target), list(by_hand.parameters()))
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    assert norm > 0.01
    moved = values(module) - values(by_hand)
    assert float(moved.norm()) == pytest.approx(0.1 * 0.01, rel=1e-4)


def poisoned(batches: list[tuple[torch.Tensor, torch.Tensor]], *at: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(x * math.nan if i in at else x, target) for i, (x, target) in enumerate(batches)]


def test_a_skipped_step_leaves_no_trace():
    module, without = network(norm=True), network(norm=True)
    parts = data(4)
    engine = engine_of(module, skip_nan=True)
    meter = trained(engine, poisoned(parts, 1))
    assert (meter.skipped, meter.batches, meter.counted, meter.seen, engine.schedule_step) == (1, 4, 3, 24, 3)
    clean = engine_of(without, skip_nan=True)
    other = trained(clean, [parts[0], *parts[2:]])
    assert all(torch.equal(value, without.state_dict()[name]) for name, value in module.state_dict().items())
    assert meter.mean_loss == other.mean_loss


def test_nan_stops_a_training_that_does_not_skip():
    with pytest.raises(Diverged, match=r"the loss became nan in epoch 1, by step 1, at lr 0\.1"):
        trained(engine_of(network()), poisoned(data(3), 0))


def test_what_no_step_was_done_for_is_not_a_number():
    meter = EpochMeter.start(2, torch.device("cpu"), in_a_row=7)
    meter.add([torch.tensor(math.nan)], [torch.tensor(3)], 8, done=False)
    assert math.isnan(meter.mean_loss)
    assert math.isnan(meter.train_error)
    assert meter.in_a_row == 8
    with pytest.raises(Diverged, match="none of the 1 steps of epoch 2 was done"):
        refuse_no_step(meter, 0.1)


def test_skipping_without_end_is_diverging():
    parts = data(1) * 120
    with pytest.raises(Diverged, match="steps in a row had gradients that are not finite"):
        trained(engine_of(network(), skip_nan=True), poisoned(parts, *range(1, 120)))


def test_an_interrupted_epoch_goes_on():
    parts = data(6)
    whole, halves = network(), network()
    one = trained(engine_of(whole), parts)
    engine, meter = engine_of(halves), EpochMeter.start(1, CPU)
    train_epoch(engine, parts[:4], meter, 6)
    train_epoch(engine, parts[4:], meter, 6)
    assert torch.equal(values(whole), values(halves))
    assert (meter.mean_loss, meter.train_error) == (one.mean_loss, one.train_error)


def test_after_step_is_between_whole_steps():
    seen: list[int] = []
    meter = EpochMeter.start(1, CPU)
    train_epoch(engine_of(network(), accumulate=2), data(5), meter, 5, lambda loss: seen.append(meter.batches))
    assert seen == [2, 4, 5]


def test_soft_targets_and_versions_of_an_image_count_by_their_class():
    module = network()
    [(x, target)] = data(1)
    hard = trained(engine_of(network()), [(x, target)])
    soft = trained(engine_of(module), [(x, functional.one_hot(target, 5).float())])
    assert hard.train_error == soft.train_error


@pytest.mark.parametrize(("classes", "five"), [(4, False), (5, True), (9, True)])
def test_an_evaluation_counts_every_image_once(classes, five):
    torch.manual_seed(0)
    logits, target = torch.randn(40, classes), torch.randint(0, classes, (40,))
    batches = [(logits[i : i + 7], target[i : i + 7]) for i in range(0, 40, 7)]
    found = evaluate_batches(nn.Identity(), batches, nullcontext)
    order = logits.argsort(1, descending=True)
    assert found.images == 40
    assert found.correct == int((order[:, 0] == target).sum())
    assert found.correct5 == (int((order[:, :5] == target[:, None]).any(1).sum()) if five else None)
    assert found.loss == pytest.approx(float(functional.cross_entropy(logits, target)), rel=1e-5)
    assert found.error + found.top1 == 100


def test_an_evaluation_of_nothing_is_zero():
    assert Evaluation(0, 0, None, 0.0).error == 0.0
