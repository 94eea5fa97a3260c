"""The learning rate schedules: functions of the step alone, so that a resumed training needs no schedule state.

The formulas are MindCV's, term by term, so that doubles come out equal. Epochs count from the end of the warm-up, in
whole numbers with lr_epoch_stair. one_cycle (arXiv 1708.07120) and cyclic (arXiv 1506.01186) are torch's OneCycleLR and
triangular CyclicLR over the whole training: they have their own rise, so no warm-up precedes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from netwright.recipe.training import Schedule

__all__ = ["learning_rate"]

# the defaults of torch.optim.lr_scheduler.OneCycleLR
_ONE_CYCLE_PCT_START = 0.3  # the share of steps that rise
_ONE_CYCLE_DIV_FACTOR = 25.0  # lr over the first learning rate


def learning_rate(schedule: Schedule, step: int, steps_per_epoch: int, epochs: int) -> float:
    """The learning rate at a step.

    Args:
        schedule: Which schedule, and its parameters.
        step: 0, 1, ...; skipped steps do not count. After the last step, one_cycle, polynomial and cosine keep their
            last value, and the others continue.
        steps_per_epoch: Steps of an epoch.
        epochs: Epochs of the training.
    """
    if schedule.scheduler in _OVER_ALL_STEPS:
        if schedule.lr_epoch_stair:
            step -= step % steps_per_epoch
        return _OVER_ALL_STEPS[schedule.scheduler](schedule, step, steps_per_epoch * epochs)
    lr, warmup = schedule.lr, schedule.warmup_epochs
    if step < steps_per_epoch * warmup:
        epoch = step // steps_per_epoch if schedule.lr_epoch_stair else step / steps_per_epoch
        first = lr * schedule.warmup_factor
        return first + min(epoch, warmup) / warmup * (lr - first)
    return _AFTER_WARMUP[schedule.scheduler](
        schedule, step - steps_per_epoch * warmup, steps_per_epoch, epochs - warmup
    )


def _epoch(schedule: Schedule, step: float, steps_per_epoch: int) -> float:
    return math.floor(step / steps_per_epoch) if schedule.lr_epoch_stair else step / steps_per_epoch


def _constant(schedule: Schedule, step: float, steps_per_epoch: int, epochs: float) -> float:
    return schedule.lr


def _cosine(schedule: Schedule, step: float, steps_per_epoch: int, epochs: float) -> float:
    length = epochs / schedule.num_cycles if schedule.decay_epochs is None else schedule.decay_epochs
    if step >= schedule.num_cycles * steps_per_epoch * length:
        return schedule.min_lr
    cycle, within = divmod(step, steps_per_epoch * length)
    half = 0.5 * (schedule.lr * schedule.cycle_decay**cycle - schedule.min_lr)
    return float(
        schedule.min_lr + half * (1.0 + math.cos(math.pi * _epoch(schedule, within, steps_per_epoch) / length))
    )


def _exponential(schedule: Schedule, step: float, steps_per_epoch: int, epochs: float) -> float:
    return float(schedule.lr * schedule.decay_rate ** _epoch(schedule, step, steps_per_epoch))


def _step(schedule: Schedule, step: float, steps_per_epoch: int, epochs: float) -> float:
    length = schedule.decay_epochs
    if length is None:
        length = epochs if epochs > 0 else math.inf
    return float(schedule.lr * schedule.decay_rate ** math.floor(_epoch(schedule, step, steps_per_epoch) / length))


def _multi_step(schedule: Schedule, step: float, steps_per_epoch: int, epochs: float) -> float:
    passed = sum(milestone <= _epoch(schedule, step, steps_per_epoch) for milestone in schedule.milestones)
    return float(schedule.lr * schedule.decay_rate**passed)


def _polynomial(schedule: Schedule, step: float, steps_per_epoch: int, epochs: float) -> float:
    epoch = min(_epoch(schedule, step, steps_per_epoch), epochs)
    return float(schedule.lr * (1 - (epoch / epochs if epochs > 0 else 1.0)) ** schedule.decay_rate)


def _one_cycle(schedule: Schedule, step: int, total_steps: int) -> float:
    def between(start: float, end: float, share: float) -> float:
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

    top, last = max(0.0, _ONE_CYCLE_PCT_START * total_steps - 1), total_steps - 1
    if step < top:
        return between(schedule.lr / _ONE_CYCLE_DIV_FACTOR, schedule.lr, step / top)
    return between(schedule.lr, schedule.min_lr, min(1.0, (step - top) / (last - top)) if last > top else 0.0)


def _cyclic(schedule: Schedule, step: int, total_steps: int) -> float:
    rise = max(1, int(total_steps / schedule.num_cycles / 2))
    share = step % (2 * rise) / rise
    height = (schedule.lr - schedule.min_lr) * (share if share <= 1 else 2 - share)
    return schedule.min_lr + height


_AFTER_WARMUP: dict[str, Callable[[Schedule, float, int, float], float]] = {
    "constant": _constant,
    "cosine_decay": _cosine,
    "exponential_decay": _exponential,
    "multi_step_decay": _multi_step,
    "polynomial_decay": _polynomial,
    "step_decay": _step,
}
_OVER_ALL_STEPS: dict[str, Callable[[Schedule, int, int], float]] = {"cyclic": _cyclic, "one_cycle": _one_cycle}
