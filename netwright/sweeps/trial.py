"""Training a trial: one network by the short recipe that compares networks, on one device.

The loop itself is `netwright.training.engine`; here are its optimizer, learning rates and loss.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from netwright.recipe import Recipe
from netwright.recipe.going_on import fall_epochs, rate_going_on
from netwright.recipe.training import Optimization
from netwright.sweeps.state import TrialState, write_state
from netwright.sweeps.trial_batches import Batches
from netwright.training.engine import Engine, EpochMeter, Evaluation, check_divergence, evaluate_batches, train_epoch
from netwright.training.graphed import engine_class
from netwright.training.optimizer import make_optimizer, takes_fused

__all__ = ["Epoch", "evaluate", "fit", "learning_rate"]

_EVALUATED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training images did.

    Attributes:
        epoch: 1, 2, ...
        loss: Mean over batches.
        train_error: Percent, of the augmented images while training.
        error: Percent, of the validation split; None where there is none.
        lr: Learning rate of the last step.
        seconds: Of training and evaluation.
    """

    epoch: int
    loss: float
    train_error: float
    error: float | None
    lr: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Linear warm-up from 0, then half a cosine to 0 (DDS, appendix).

    Args:
        recipe: Resolved.
        step: 0, 1, ... from the beginning of the training.
        steps: Of one epoch.
    """
    top, warmup = float(recipe.lr), float(recipe.warmup_epochs) * steps
    total = recipe.epochs * steps
    if step < warmup:
        return top * (step + 1) / (warmup + 1)
    return top * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, total - warmup)))


def fit(
    module: nn.Module,
    train: Batches,
    recipe: Recipe,
    *,
    seed: int,
    validation: Batches | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    start: TrialState | None = None,
    keep: Path | None = None,
) -> list[Epoch]:
    """Train a network in place.

    Args:
        module: With its initial weights.
        train: Images to train on.
        recipe: Resolved: nothing is "auto".
        seed: Of the order of images and their augmentation.
        validation: Images to evaluate on after each epoch.
        on_epoch: Called after each epoch.
        start: Where another training of the network stopped, to go on from; `recipe.epochs` counts its epochs too.
        keep: Where to write the state at the end; of a training that goes on, before its learning rate falls.

    Returns:
        One record an epoch, those of `start` first.

    Raises:
        Diverged: The loss became NaN or infinite.
        OutputError: The state cannot be written.
    """
    assert recipe.is_resolved, "Recipe.resolve() decides what is 'auto'"
    module.to(train.device)
    if recipe.channels_last:
        module.to(memory_format=torch.channels_last)
    steps = train.steps(recipe.batch_size)
    before = 0 if start is None else start.epochs
    engine = _engine(module, recipe, steps, train.device, before)
    if start is not None:
        start.load(module, engine.optimizer)
    keep_at = recipe.epochs - fall_epochs(recipe.epochs - before) if before else recipe.epochs
    epochs = [Epoch(**record) for record in start.curve] if start else []
    for epoch in range(before + 1, recipe.epochs + 1):
        if keep is not None and epoch == keep_at + 1:
            write_state(keep, module, engine.optimizer, [each.to_dict() for each in epochs])
        started = time.perf_counter()
        meter = EpochMeter.start(epoch, train.device)
        train_epoch(engine, train.train(recipe, seed, epoch), meter, steps)
        error = None
        if validation is not None:
            evaluation = evaluate(module, validation, recipe)
            check_divergence(evaluation.loss, meter, engine.lr)
            error = evaluation.error
        record = Epoch(
            epoch=epoch,
            loss=meter.mean_loss,
            train_error=meter.train_error,
            error=error,
            lr=engine.lr,
            seconds=time.perf_counter() - started,
        )
        epochs.append(record)
        if on_epoch is not None:
            on_epoch(record)
    if keep is not None and keep_at == recipe.epochs:
        write_state(keep, module, engine.optimizer, [each.to_dict() for each in epochs])
    return epochs


def _engine(module: nn.Module, recipe: Recipe, steps: int, device: torch.device, before: int = 0) -> Engine:
    """What trains a network by the recipe; steps: of an epoch; before: epochs that are done."""
    rate = partial(rate_going_on, recipe, before) if before else partial(learning_rate, recipe)
    return engine_class(device)(
        module,
        _optimizer(module, recipe, device),
        lr_schedule=lambda position: rate(position, steps),
        criterion=partial(_cross_entropy, label_smoothing=recipe.label_smoothing),
        autocast=partial(_autocast, recipe, device),
    )


def _optimizer(module: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    if recipe.optimizer != "sgd":
        names = ("optimizer", "momentum", "nesterov", "weight_decay")
        return make_optimizer(module, Optimization(**{name: getattr(recipe, name) for name in names}), float(recipe.lr))
    return torch.optim.SGD(
        module.parameters(),
        lr=float(recipe.lr),
        momentum=recipe.momentum,
        nesterov=recipe.nesterov and recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
        fused=takes_fused("sgd", device),
    )


def evaluate(module: nn.Module, split: Batches, recipe: Recipe) -> Evaluation:
    """Loss and top-1 error over every image of a split, each counted once."""
    return evaluate_batches(module, split.evaluate(_EVALUATED_AT_ONCE), partial(_autocast, recipe, split.device))


def _cross_entropy(logits: Tensor, target: Tensor, label_smoothing: float) -> Tensor:
    return functional.cross_entropy(logits, target, label_smoothing=label_smoothing)


def _autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bf16")
