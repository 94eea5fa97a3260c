"""Another number of epochs for a training that has begun: the rest of the schedule is planned again."""

from __future__ import annotations

from pathlib import Path

from netwright.errors import RecipeError
from netwright.recipe import learning_rate
from netwright.training.engine import EpochMeter
from netwright.training.setup import Setup

__all__ = ["replanned"]


def replanned(before: int | None, setup: Setup, meter: EpochMeter, out: Path) -> list[str]:
    """What the change does to the learning rate, in a sentence; none where nothing changed.

    Args:
        before: How many epochs there were to be; None where that is unchanged.
        setup: The training, with its state restored.
        meter: Where it is.
        out: Its folder, for the message.

    Raises:
        RecipeError: More epochs than there are now have begun already.
    """
    if before is None:
        return []
    epochs, begun = setup.training.optimization.epochs, meter.epoch - (meter.batches == 0)
    if begun > epochs:
        raise RecipeError(
            f"{out} has a training of {before} epochs, {begun} of them begun or done, and epochs is {epochs}. Give "
            "more epochs, or another --out."
        )
    schedule, steps, step = setup.training.schedule, setup.train.steps, setup.engine.schedule_step
    now, last = (learning_rate(schedule, each, steps, epochs) for each in (step, steps * epochs - 1))
    was = learning_rate(schedule, step, steps, before)
    return [
        f"epochs was {before} and is {epochs}: the schedule is planned again over all {epochs}; the learning rate "
        f"continues with {now:.3g} ({was:.3g} as planned before) and ends with {last:.3g}"
    ]
