import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from netwright.errors import Diverged
from netwright.nn import build
from netwright.sweeps.trial import evaluate, fit
from netwright.sweeps.trial_batches import Batches


def trained(tiny, split, index, recipe, seed=1):
    module = build(tiny, seed=seed)
    epochs = fit(module, split(index), recipe, seed=seed)
    return module, epochs


@pytest.mark.slow
def test_a_network_learns(digits, split, tiny, recipe):
    module = build(tiny, seed=0)
    validation = split(digits.validation)
    heard = []
    epochs = fit(
        module,
        split(digits.train),
        replace(recipe, epochs=4, batch_size=32),
        seed=0,
        validation=validation,
        on_epoch=heard.append,
    )
    assert heard == epochs
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4]
    assert epochs[-1].error < 20  # chance is 90
    assert epochs[-1].loss < epochs[0].loss < math.log(10) + 0.5
    assert epochs[-1].train_error < epochs[0].train_error
    assert epochs[-1].error == evaluate(module, validation, recipe).error
    assert 0 < epochs[-1].lr < epochs[0].lr
    assert all(epoch.seconds > 0 for epoch in epochs)


def test_without_a_validation_split_there_is_no_error(digits, split, tiny, recipe):
    _, epochs = trained(tiny, split, digits.train[:64], replace(recipe, epochs=1))
    assert epochs[0].error is None


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(precision, digits, split, tiny, recipe):
    recipe = replace(recipe, precision=precision)
    (one, first), (two, second), (other, _) = (
        trained(tiny, split, digits.train[:320], recipe, seed) for seed in (5, 5, 6)
    )
    assert [replace(epoch, seconds=0) for epoch in first] == [replace(epoch, seconds=0) for epoch in second]
    for name, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[name]), name
    assert not torch.equal(one.head.fc.weight, other.head.fc.weight)
    assert all(value.dtype == torch.float32 for value in one.parameters())


def test_torchs_global_seed_does_not_matter(digits, split, tiny, recipe):
    weights = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        weights.append(trained(tiny, split, digits.train[:128], recipe)[0].head.fc.weight)
    assert torch.equal(*weights)


def test_weight_decay_is_on_every_parameter(digits, split, tiny, recipe):
    with_, _ = trained(tiny, split, digits.train[:320], replace(recipe, weight_decay=0.1))
    without, _ = trained(tiny, split, digits.train[:320], replace(recipe, weight_decay=0.0))
    for (name, value), other in zip(with_.named_parameters(), without.parameters(), strict=True):
        assert not torch.equal(value, other), name
    assert nn.utils.get_total_norm(with_.parameters()) < nn.utils.get_total_norm(without.parameters())


def test_muon_is_timms_for_filters_and_nadamw_for_all_else(split, digits, tiny, recipe):
    from timm.optim.muon import Muon

    recipe = replace(recipe, epochs=1, warmup_epochs=0.0, crop_padding=0, weight_decay=0.01, optimizer="muon", lr=0.01)
    one, _ = trained(tiny, split, digits.train[:64], replace(recipe, batch_size=64))
    other = build(tiny, seed=1).to(memory_format=torch.channels_last)
    [(x, target)] = split(digits.train[:64]).train(replace(recipe, batch_size=64), 1, 1)
    nn.functional.cross_entropy(other(x), target).backward()
    Muon(other.parameters(), 0.01, weight_decay=0.01, momentum=recipe.momentum, nesterov=True).step()
    for (name, value), theirs in zip(one.named_parameters(), other.parameters(), strict=True):
        assert torch.allclose(value, theirs, atol=2e-4), name
    assert not torch.allclose(one.stem.conv.weight, build(tiny, seed=1).stem.conv.weight, atol=1e-4)


def test_one_step_is_sgd_with_nesterov_momentum(split, digits, recipe):
    """Against torch's plain, unfused optimizer, written out."""
    recipe = replace(recipe, epochs=1, warmup_epochs=0.0, crop_padding=0, weight_decay=0.01, batch_size=64)

    def network() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

    module, by_hand = network(), network()
    train = split(digits.train[:64])
    fit(module, train, recipe, seed=3)
    [(x, target)] = train.train(recipe, 3, 1)
    gradients = torch.autograd.grad(nn.functional.cross_entropy(by_hand(x), target), list(by_hand.parameters()))
    for value, before, gradient in zip(module.parameters(), by_hand.parameters(), gradients, strict=True):
        step = gradient + recipe.weight_decay * before
        # the first step of Nesterov: the buffer is the gradient, and is looked ahead of once
        assert torch.allclose(value, before - recipe.lr * (step + recipe.momentum * step), atol=1e-6)


def test_a_learning_rate_far_too_high_diverges(digits, split, tiny, recipe):
    recipe = replace(recipe, lr=100.0, warmup_epochs=0.0, epochs=20, momentum=1.0)
    with pytest.raises(Diverged, match=r"the loss became (nan|inf) in epoch \d+, by step \d+, at lr"):
        trained(tiny, split, digits.train, recipe)


def test_weights_that_break_in_the_last_step_count_as_diverged(digits, split, recipe):
    class Breaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(64, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits = self.fc(x.flatten(1))
            return logits if self.training else logits * math.nan

    index = digits.train[:64]
    with pytest.raises(Diverged, match="the loss became nan in epoch 1"):
        fit(Breaks(), split(index), recipe, seed=0, validation=split(index))


class Constant(nn.Module):
    """Always the same class, with certainty."""

    def __init__(self, answer: int) -> None:
        super().__init__()
        self.answer, self.seen = answer, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        logits = torch.zeros(len(x), 10)
        logits[:, self.answer] = 10.0
        return logits


@pytest.mark.parametrize("n", [1, 499, 500, 501, 1203])
def test_evaluation_counts_each_image_once(n, recipe):
    labels = np.random.default_rng(n).integers(0, 10, n)
    images = np.zeros((n, 8, 8, 1), np.uint8)
    module = Constant(3)
    split = Batches(images, labels, np.arange(n), (0.5,), (0.5,), torch.device("cpu"))
    found = evaluate(module, split, recipe)
    assert (module.seen, found.images) == (n, n)
    assert found.error == pytest.approx(100 * np.mean(labels != 3))
    sure = math.log(math.exp(10) + 9)
    assert found.loss == pytest.approx(np.where(labels == 3, sure - 10, sure).mean(), rel=1e-5)


def test_evaluation_changes_nothing(digits, split, tiny, recipe):
    module = build(tiny, seed=0)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    evaluate(module, split(digits.validation), recipe)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_channels_last_is_a_layout_not_a_result(digits, split, tiny, recipe):
    errors = []
    for channels_last in (True, False):
        module = build(tiny, seed=0)
        train = split(digits.train[:320], channels_last=channels_last)
        epochs = fit(module, train, replace(recipe, channels_last=channels_last), seed=0)
        errors.append(epochs[-1].loss)
    assert errors[0] == pytest.approx(errors[1], rel=1e-2)
