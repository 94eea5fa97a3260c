"""A plan that takes longer than its budget although it is the least one: why, and what makes it shorter."""

from __future__ import annotations

import math

from netwright.options import duration_in_words
from netwright.system.plural import count
from netwright.workflow.plan import Plan

__all__ = ["over_budget_in_words"]

_ALLOWED = 1.05  # times the budget: estimates are no better
_LEAST_PIXELS = 32  # below which no plan goes by itself
_LEAST_IMAGES = 500  # of trials, that are still advice worth giving
_HALF_MINUTE = 30.0


def over_budget_in_words(plan: Plan, *, budget: float, others: float, given: tuple[str, ...] = ()) -> list[str]:
    """Lines about a plan that is over its budget; none where it is within.

    Args:
        plan: The least one for these images.
        budget: Seconds in all.
        others: Seconds of all that is not training.
        given: Names of the options that the plan had to keep.
    """
    training = sum(plan.seconds) + plan.rung_seconds
    whole = training + others
    if whole <= _ALLOWED * budget:
        return []
    kept = f" with what was given ({', '.join(f'--{name}' for name in given)})" if given else ""
    needed = math.ceil(whole / _HALF_MINUTE) * _HALF_MINUTE
    cures = [f"--budget {needed / 60:g}m"]
    search = sum(plan.seconds[:2]) + plan.rung_seconds
    few = plan.train_images or plan.images
    # workers, decoding and the report take as long for fewer or smaller images
    if training >= 0.2 * budget:
        if search >= 0.2 * whole and few > 2 * _LEAST_IMAGES:
            cures.append(f"--train_images {max(_LEAST_IMAGES, few // 2 // 100 * 100)} for the networks of 1/3")
        if (at := plan.candidate.resolution) > _LEAST_PIXELS:
            cures.append(f"a smaller --resolution than {at}, such as {max(_LEAST_PIXELS, at // 2)}")
    return [
        f"  this is over the budget of {duration_in_words(budget)}: the least that a design trains here{kept} takes "
        f"about {duration_in_words(training)} "
        f"({count(plan.trials, 'network')}, then {count(plan.final_epochs, 'final epoch')} of the best and of what it "
        f"is compared with), and to start workers, decode, measure and report about {duration_in_words(others)}",
        f"  what helps: {', or '.join(cures)}",
    ]
