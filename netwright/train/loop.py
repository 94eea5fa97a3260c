"""The training loop: one network, one recipe, one device. Trials of a population and final trainings both run it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from netwright.errors import Diverged
from netwright.recipe import Recipe
from netwright.train.batches import Batches

__all__ = ["Epoch", "Evaluation", "evaluate", "fit", "learning_rate"]

_CHECKED_EVERY = 16  # steps between looks at the loss, each of which waits for the device
_EVALUATED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Evaluation:
    """loss: mean cross-entropy; error: percent of `images` whose class is not the most likely one (top-1)."""

    loss: float
    error: float
    images: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass did. train_error: percent, of the augmented images while training; error: percent, of the
    evaluated split, None where none was given; lr: after the last step; seconds: training and evaluation."""

    epoch: int
    loss: float
    train_error: float
    error: float | None
    lr: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """At a step 0, 1, ...; steps: of an epoch. Linear warm-up from 0, then half a cosine to 0 (DDS, appendix)."""
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
) -> list[Epoch]:
    """Train the module in place; one record an epoch. recipe: resolved, nothing left "auto".

    seed: of the order and the augmentation; the initial weights are the module's own. Raises Diverged when the loss
    becomes NaN or infinite.
    """
    assert recipe.is_resolved, "Recipe.resolve() decides what is 'auto'"
    module.to(train.device)
    if recipe.channels_last:
        module.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        module.parameters(),
        lr=float(recipe.lr),
        momentum=recipe.momentum,
        nesterov=recipe.nesterov and recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    steps = train.steps(recipe.batch_size)
    epochs: list[Epoch] = []
    for epoch in range(1, recipe.epochs + 1):
        started = time.perf_counter()
        module.train()
        loss_sum = torch.zeros((), device=train.device)
        wrong = torch.zeros((), device=train.device, dtype=torch.int64)
        seen = 0
        for step, (x, target) in enumerate(train.train(recipe, seed, epoch)):
            lr = learning_rate(recipe, (epoch - 1) * steps + step, steps)
            for group in optimizer.param_groups:
                group["lr"] = lr
            with _autocast(recipe, train.device):
                logits = module(x)
                loss = functional.cross_entropy(logits, target, label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss_sum += loss.detach()
            wrong += (logits.detach().argmax(1) != target).sum()
            seen += len(target)
            if step % _CHECKED_EVERY == 0 or step == steps - 1:
                _refuse_divergence(float(loss_sum), epoch, step + 1, lr)
        error = None
        if validation is not None:
            evaluation = evaluate(module, validation, recipe)
            _refuse_divergence(evaluation.loss, epoch, steps, lr)
            error = evaluation.error
        record = Epoch(
            epoch=epoch,
            loss=float(loss_sum) / steps,
            train_error=100 * int(wrong) / seen,
            error=error,
            lr=lr,
            seconds=time.perf_counter() - started,
        )
        epochs.append(record)
        if on_epoch is not None:
            on_epoch(record)
    return epochs


@torch.inference_mode()
def evaluate(module: nn.Module, split: Batches, recipe: Recipe) -> Evaluation:
    """Loss and top-1 error over every image of a split, each counted once."""
    module.eval()
    wrong, loss_sum = 0, 0.0
    for x, target in split.evaluate(_EVALUATED_AT_ONCE):
        with _autocast(recipe, split.device):
            logits: Tensor = module(x)
        logits = logits.float()
        wrong += int((logits.argmax(1) != target).sum())
        loss_sum += float(functional.cross_entropy(logits, target, reduction="sum"))
    return Evaluation(loss=loss_sum / len(split), error=100 * wrong / len(split), images=len(split))


def _autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bf16")


def _refuse_divergence(loss: float, epoch: int, step: int, lr: float) -> None:
    if not math.isfinite(loss):
        raise Diverged(f"diverged: the loss became {loss} in epoch {epoch}, by step {step}, at lr {lr:.3g}")
