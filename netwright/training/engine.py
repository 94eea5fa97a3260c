"""The one loop: forward, backward, step. Trials of a population, final trainings and `netwright train` all run it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from netwright.errors import Diverged

__all__ = ["Engine", "Evaluation", "Scaler", "Tally", "evaluate_batches", "refuse_divergence", "train_epoch"]

_CHECKED_EVERY = 16  # steps between looks at the loss, each of which waits for the device
_MOST_SKIPPED = 100  # steps in a row; dynamic loss scales need some twenty to come down from 2**24


class Scaler(Protocol):
    """Scales losses so that gradients in half precision do not vanish, and looks whether they overflowed."""

    def scale(self, loss: Tensor) -> Tensor: ...

    def unscale(self, parameters: list[nn.Parameter]) -> bool:
        """Gradients back to their size; whether the step may be done."""
        ...

    def update(self, finite: bool) -> None: ...


class Average(Protocol):
    """An average of the weights that follows them."""

    def update(self, module: nn.Module) -> None: ...


@dataclass(slots=True, eq=False)
class Engine:
    """A network and all that changes it.

    module: has the weights. wrapped: what is called, where that is not the module itself (DDP, compiled).
    lr_at: learning rate at a position, the number of batches that the schedule has seen; a skipped step does not
    advance it. criterion: (logits, target) -> mean loss. skip_nan: skip steps whose gradients are not finite.
    """

    module: nn.Module
    optimizer: torch.optim.Optimizer
    lr_at: Callable[[int], float]
    criterion: Callable[[Tensor, Tensor], Tensor]
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext
    wrapped: Callable[[Tensor], Tensor] | None = None
    scaler: Scaler | None = None
    average: Average | None = None
    clip_norm: float | None = None
    accumulate: int = 1
    skip_nan: bool = False
    position: int = 0
    lr: float = 0.0
    parameters: list[nn.Parameter] = field(init=False)
    _buffers: list[Tensor] = field(init=False)
    _kept: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = [value for value in self.module.parameters() if value.requires_grad]
        may_skip = self.skip_nan or self.scaler is not None
        self._buffers = list(self.module.buffers()) if may_skip else []
        self._kept = [torch.empty_like(value) for value in self._buffers]

    def keep_buffers(self) -> None:
        """Remember the statistics of batch norm: a step that is skipped must not leave NaN in them."""
        for kept, value in zip(self._kept, self._buffers, strict=True):
            kept.copy_(value)

    def backward(self, x: Tensor, target: Tensor, share: float, *, sync: bool) -> tuple[Tensor, Tensor]:
        """Add share times the gradients of a batch; returns loss and logits. sync: the ranks average them now."""
        wrapped = self.wrapped or self.module
        alone: Callable[[], AbstractContextManager[object]] = getattr(wrapped, "no_sync", nullcontext)
        with nullcontext() if sync else alone():
            with self.autocast():
                logits = wrapped(x)
                loss = self.criterion(logits, target)
            scaled = loss if share == 1.0 else loss * share
            (scaled if self.scaler is None else self.scaler.scale(scaled)).backward()  # type: ignore[no-untyped-call]
        return loss.detach(), logits.detach()

    def step(self, batches: int) -> bool:
        """Change the weights by the gradients of so many batches; whether that was done."""
        self.lr = self.lr_at(self.position)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * group.get("lr_scale", 1.0)
        finite = self.scaler is None or self.scaler.unscale(self.parameters)
        if finite and (self.clip_norm is not None or self.skip_nan):
            most = math.inf if self.clip_norm is None else self.clip_norm
            norm = nn.utils.clip_grad_norm_(self.parameters, most)
            finite = not self.skip_nan or bool(torch.isfinite(norm))
        if finite:
            self.optimizer.step()
            self.position += batches
            if self.average is not None:
                self.average.update(self.module)
        else:
            for kept, value in zip(self._kept, self._buffers, strict=True):
                value.copy_(kept)
        if self.scaler is not None:
            self.scaler.update(finite)
        return finite


@dataclass(slots=True, eq=False)
class Tally:
    """An epoch so far; part of the state that a training goes on from.

    batches: done; loss: sum over the batches whose step was done, on the device; counted: these; wrong: images whose
    most likely class is another, on the device; seen: images; skipped: steps that were not done, in_a_row: the last
    ones of these.
    """

    epoch: int
    loss: Tensor
    wrong: Tensor
    batches: int = 0
    counted: int = 0
    seen: int = 0
    skipped: int = 0
    in_a_row: int = 0

    @classmethod
    def begin(cls, epoch: int, device: torch.device) -> Tally:
        return cls(epoch, torch.zeros((), device=device), torch.zeros((), device=device, dtype=torch.int64))

    @property
    def mean_loss(self) -> float:
        return float(self.loss) / max(1, self.counted)

    @property
    def train_error(self) -> float:
        """Percent of the augmented images."""
        return 100 * int(self.wrong) / max(1, self.seen)

    def add(self, losses: list[Tensor], wrong: list[Tensor], images: int, done: bool) -> None:
        """A step of one or more batches."""
        self.batches += len(losses)
        self.in_a_row = 0 if done else self.in_a_row + 1
        self.skipped += not done
        if done:
            for loss, count in zip(losses, wrong, strict=True):
                self.loss += loss
                self.wrong += count
            self.counted += len(losses)
            self.seen += images


def train_epoch(
    engine: Engine,
    batches: Iterable[tuple[Tensor, Tensor]],
    tally: Tally,
    steps: int,
    after_step: Callable[[Tensor], None] | None = None,
) -> None:
    """Train on what is left of an epoch of `steps` batches; batches: those from tally.batches on.

    after_step: called with the last batch's loss whenever the weights are whole: between optimizer steps. Raises
    Diverged when the loss is not finite, or when too many steps in a row had to be skipped.
    """
    engine.module.train()
    losses: list[Tensor] = []
    wrong: list[Tensor] = []
    images = 0
    for x, target in batches:
        done = tally.batches + len(losses)
        first = done - done % engine.accumulate
        together = min(engine.accumulate, steps - first)
        is_last = done + 1 == first + together
        if not losses:
            engine.keep_buffers()
            engine.optimizer.zero_grad(set_to_none=True)
        loss, logits = engine.backward(x, target, 1.0 / together, sync=is_last)
        losses.append(loss)
        wrong.append(_wrong(logits, target))
        images += len(target)
        if not is_last:
            continue
        tally.add(losses, wrong, images, engine.step(together))
        losses, wrong, images = [], [], 0
        if (tally.batches - 1) % _CHECKED_EVERY < together or tally.batches == steps:
            refuse_divergence(float(tally.loss), tally, engine.lr)
        if after_step is not None:
            after_step(loss)


def _wrong(logits: Tensor, target: Tensor) -> Tensor:
    """How many are not the most likely class; of soft targets their own most likely one."""
    labels = target if target.ndim == 1 else target.argmax(1)
    # with AugMix the clean images come first
    return (logits[: len(labels)].argmax(1) != labels).sum()


def refuse_divergence(loss: float, tally: Tally, lr: float) -> None:
    """Diverged where the loss is not finite, or skipping does not help."""
    where = f"in epoch {tally.epoch}, by step {tally.batches}, at lr {lr:.3g}"
    if not math.isfinite(loss):
        raise Diverged(f"diverged: the loss became {loss} {where}")
    if tally.in_a_row >= _MOST_SKIPPED:
        raise Diverged(f"diverged: {tally.in_a_row} steps in a row had gradients that are not finite {where}")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Sums over `images` images, each counted once, which add up over ranks.

    loss_sum: of cross-entropies; correct: images whose class is the most likely one; correct5: among the five most
    likely ones, None under five classes.
    """

    images: int
    correct: int
    correct5: int | None
    loss_sum: float

    @property
    def loss(self) -> float:
        """Mean cross-entropy."""
        return self.loss_sum / max(1, self.images)

    @property
    def error(self) -> float:
        """Percent whose class is not the most likely one (top-1)."""
        return 100 * (self.images - self.correct) / max(1, self.images)

    @property
    def top1(self) -> float:
        """Percent."""
        return 100 * self.correct / max(1, self.images)

    @property
    def top5(self) -> float | None:
        """Percent."""
        return None if self.correct5 is None else 100 * self.correct5 / max(1, self.images)


@torch.inference_mode()
def evaluate_batches(
    module: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Evaluation:
    """Over every image of some batches. Leaves the module in evaluation mode."""
    module.eval()
    images, correct, correct5, loss_sum, classes = 0, 0, 0, 0.0, 0
    for x, target in batches:
        with autocast():
            logits: Tensor = module(x)
        logits = logits.float()
        classes = logits.shape[1]
        correct += int((logits.argmax(1) == target).sum())
        if classes >= 5:
            correct5 += int((logits.topk(5, dim=1).indices == target[:, None]).any(1).sum())
        loss_sum += float(nn.functional.cross_entropy(logits, target, reduction="sum"))
        images += len(target)
    return Evaluation(images, correct, correct5 if classes >= 5 else None, loss_sum)
