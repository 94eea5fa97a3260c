"""The training loop: forward, backward, step. Everything that trains runs it: sweeps, designs, `netwright train`,
bench.

Read it from top to bottom: `Engine` does a step, `train_epoch` loops over batches, `evaluate_batches` measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from netwright.errors import Diverged

__all__ = [
    "Engine",
    "EpochMeter",
    "Evaluation",
    "Scaler",
    "check_divergence",
    "evaluate_batches",
    "refuse_no_step",
    "train_epoch",
]

_CHECK_INTERVAL = 16  # steps between checks of the loss, each of which waits for the device
_MAX_SKIPPED = 100  # steps in a row; a dynamic loss scale needs about twenty to come down from 2**24


class Scaler(Protocol):
    """Scales losses so that gradients in half precision do not vanish, and checks whether they overflowed."""

    def scale(self, loss: Tensor) -> Tensor: ...

    def unscale(self, parameters: list[nn.Parameter]) -> bool:
        """Undo the scaling of gradients; returns whether they are finite."""
        ...

    def update(self, finite: bool) -> None: ...


class WeightAverage(Protocol):
    """A moving average of the weights."""

    def update(self, module: nn.Module) -> None: ...


@dataclass(slots=True, eq=False)
class Engine:
    """A network and everything that changes its weights.

    Attributes:
        module: Has the weights.
        optimizer: Its groups may have an lr_scale, a factor of the learning rate.
        lr_schedule: schedule_step -> learning rate.
        criterion: (logits, target) -> mean loss.
        autocast: Makes the context of the forward pass.
        wrapped: What is called in place of the module (DistributedDataParallel, compiled).
        scaler: Of losses in half precision.
        ema: A moving average of the weights.
        clip_norm: Largest norm of the gradients.
        accumulate: Batches per step.
        skip_nan: Skip steps whose gradients are not finite.
        schedule_step: Batches that the learning rate schedule has counted; those of skipped steps are not.
        lr: Learning rate of the last step.
        parameters: Those that learn.
    """

    module: nn.Module
    optimizer: torch.optim.Optimizer
    lr_schedule: Callable[[int], float]
    criterion: Callable[[Tensor, Tensor], Tensor]
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext
    wrapped: Callable[[Tensor], Tensor] | None = None
    scaler: Scaler | None = None
    ema: WeightAverage | None = None
    clip_norm: float | None = None
    accumulate: int = 1
    skip_nan: bool = False
    schedule_step: int = 0
    lr: float = 0.0
    parameters: list[nn.Parameter] = field(init=False)
    _buffers: list[Tensor] = field(init=False)
    _saved: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = [value for value in self.module.parameters() if value.requires_grad]
        may_skip = self.skip_nan or self.scaler is not None
        self._buffers = list(self.module.buffers()) if may_skip else []
        self._saved = [torch.empty_like(value) for value in self._buffers]

    def save_buffers(self) -> None:
        """Save the statistics of batch norm: a skipped step must not leave NaN in them."""
        for kept, value in zip(self._saved, self._buffers, strict=True):
            kept.copy_(value)

    def backward(self, x: Tensor, target: Tensor, share: float, *, sync: bool) -> tuple[Tensor, Tensor]:
        """Add `share` times the gradients of a batch; returns the loss and logits (B, classes).

        x: (B, C, H, W); target: (B,) int64 or (B, classes) float32; sync: whether the ranks average their sums now.
        """
        wrapped = self.module if self.wrapped is None else self.wrapped  # a compiled module has no truth value
        alone: Callable[[], AbstractContextManager[object]] = getattr(wrapped, "no_sync", nullcontext)
        with nullcontext() if sync else alone():
            with self.autocast():
                logits = wrapped(x)
                loss = self.criterion(logits, target)
            scaled = loss if share == 1.0 else loss * share
            (scaled if self.scaler is None else self.scaler.scale(scaled)).backward()  # type: ignore[no-untyped-call]
        return loss.detach(), logits.detach()

    def step(self, batches: int) -> bool:
        """Update the weights by the gradients of `batches` batches; returns whether the step was done, not skipped."""
        self.lr = self.lr_schedule(self.schedule_step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * group.get("lr_scale", 1.0)
        finite = self.scaler is None or self.scaler.unscale(self.parameters)
        if finite and (self.clip_norm is not None or self.skip_nan):
            limit = math.inf if self.clip_norm is None else self.clip_norm
            norm = nn.utils.clip_grad_norm_(self.parameters, limit)
            finite = not self.skip_nan or bool(torch.isfinite(norm))
        if finite:
            self.optimizer.step()
            self.schedule_step += batches
            if self.ema is not None:
                self.ema.update(self.module)
        else:
            for kept, value in zip(self._saved, self._buffers, strict=True):
                value.copy_(kept)
        if self.scaler is not None:
            self.scaler.update(finite)
        return finite


@dataclass(slots=True, eq=False)
class EpochMeter:
    """Running totals of an epoch; part of the state from which a training resumes.

    Attributes:
        epoch: 1, 2, ...
        loss: Sum of the mean losses of counted batches, on the device.
        wrong: Wrongly classified images of counted batches, on the device.
        batches: Batches so far.
        counted: Batches whose step was done.
        seen: Images of counted batches.
        skipped: Steps that were skipped.
        in_a_row: The last ones of these.
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
    def start(cls, epoch: int, device: torch.device, in_a_row: int = 0) -> EpochMeter:
        """At the start of an epoch. in_a_row: steps that were skipped at the end of the last one."""
        zero = torch.zeros((), device=device)
        return cls(epoch, zero, torch.zeros((), device=device, dtype=torch.int64), in_a_row=in_a_row)

    @property
    def mean_loss(self) -> float:
        """NaN where no step was done."""
        return float(self.loss) / self.counted if self.counted else math.nan

    @property
    def train_error(self) -> float:
        """Percent of the augmented images that are classified wrongly; NaN where no step was done."""
        return 100 * int(self.wrong) / self.seen if self.seen else math.nan

    def add(self, losses: list[Tensor], wrong: list[Tensor], images: int, done: bool) -> None:
        """Count a step of one or more batches; done: the step was not skipped."""
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
    meter: EpochMeter,
    steps: int,
    after_step: Callable[[Tensor], None] | None = None,
) -> None:
    """Train on the rest of an epoch.

    Args:
        engine: The network with its optimizer.
        batches: x (B, C, H, W) and target, from number meter.batches on.
        meter: Totals of the epoch so far, updated here.
        steps: Batches in the whole epoch.
        after_step: Called with the loss of the last batch after each step of the optimizer.

    Raises:
        Diverged: The loss is not finite, or too many steps in a row were skipped.
    """
    engine.module.train()
    losses: list[Tensor] = []
    wrong: list[Tensor] = []
    images = 0
    for x, target in batches:
        done = meter.batches + len(losses)
        first = done - done % engine.accumulate
        together = min(engine.accumulate, steps - first)
        is_last = done + 1 == first + together
        if not losses:
            engine.save_buffers()
            engine.optimizer.zero_grad(set_to_none=True)
        loss, logits = engine.backward(x, target, 1.0 / together, sync=is_last)
        losses.append(loss)
        wrong.append(_count_errors(logits, target))
        images += len(target)
        if not is_last:
            continue
        meter.add(losses, wrong, images, engine.step(together))
        losses, wrong, images = [], [], 0
        if (meter.batches - 1) % _CHECK_INTERVAL < together or meter.batches == steps:
            check_divergence(float(meter.loss), meter, engine.lr)
        if after_step is not None:
            after_step(loss)


def _count_errors(logits: Tensor, target: Tensor) -> Tensor:
    """Number of images whose most likely class is not the label; of soft targets the label is the largest."""
    labels = target if target.ndim == 1 else target.argmax(1)
    # with AugMix the first images are the clean ones
    return (logits[: len(labels)].argmax(1) != labels).sum()


def check_divergence(loss: float, meter: EpochMeter, lr: float) -> None:
    """Raise Diverged where the loss is not finite, or too many steps in a row were skipped."""
    where = f"in epoch {meter.epoch}, by step {meter.batches}, at lr {lr:.3g}"
    if not math.isfinite(loss):
        raise Diverged(f"diverged: the loss became {loss} {where}")
    if meter.in_a_row >= _MAX_SKIPPED:
        raise Diverged(f"diverged: {meter.in_a_row} steps in a row had gradients that are not finite {where}")


def refuse_no_step(meter: EpochMeter, lr: float) -> None:
    """Raise Diverged where an epoch that ends a training did no step: nothing was learned in it."""
    if not meter.counted:
        raise Diverged(
            f"diverged: none of the {meter.batches} steps of epoch {meter.epoch} was done, as gradients were not "
            f"finite, at lr {lr:.3g}. Lower lr, clip gradients (--clip_norm 1), or lower a fixed loss scale."
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Sums over evaluated images, which can be added up over ranks.

    Attributes:
        images: Number of images.
        correct: Those whose class is the most likely one.
        correct5: Those whose class is among the five most likely ones; None with less than five classes.
        loss_sum: Sum of cross-entropies.
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
        """Top-1 error in percent."""
        return 100 * (self.images - self.correct) / max(1, self.images)

    @property
    def top1(self) -> float:
        """Top-1 accuracy in percent."""
        return 100 * self.correct / max(1, self.images)

    @property
    def top5(self) -> float | None:
        """Top-5 accuracy in percent; None with less than five classes."""
        return None if self.correct5 is None else 100 * self.correct5 / max(1, self.images)


@torch.inference_mode()
def evaluate_batches(
    module: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Evaluation:
    """Evaluate a network on batches of x (B, C, H, W) and target (B,) int64; leaves it in evaluation mode."""
    module.eval()
    images, classes = 0, 0
    sums: list[tuple[Tensor, ...]] = []  # on the device, which is waited for only once, at the end
    for x, target in batches:
        with autocast():
            logits: Tensor = module(x)
        logits = logits.float()
        classes = logits.shape[1]
        images += len(target)
        sums.append(_sums(logits, target))
    correct, correct5, losses = (
        (torch.stack(values).cpu().tolist() for values in zip(*sums, strict=True)) if sums else ((),) * 3
    )
    return Evaluation(images, sum(correct), sum(correct5) if classes >= 5 else None, sum(losses))


def _sums(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Images whose class is the most likely one, those where it is among five, and the sum of cross-entropies."""
    first = (logits.argmax(1) == target).sum()
    five = (logits.topk(5, dim=1).indices == target[:, None]).any(1).sum() if logits.shape[1] >= 5 else first
    return first, five, nn.functional.cross_entropy(logits, target, reduction="sum")
