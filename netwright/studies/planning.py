"""What a study will train, before it does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.stats.group_sequential import spending_bounds
from netwright.studies.deciding import due_looks
from netwright.studies.study_file import PlannedComparison, Study
from netwright.system.plural import count

__all__ = ["SPREAD", "PlannedLooks", "detectable", "planned_looks", "planned_text"]

SPREAD = 4.0  # points: the standard deviation of errors that `netwright plan` assumes too
_POWER_Z = 0.8416  # of 80%


@dataclass(frozen=True, slots=True)
class PlannedLooks:
    """What a comparison can show.

    Attributes:
        planned: It.
        alpha: Its share of the error probability, where none was given before.
        sizes: Networks of each at the looks.
        detectable: Points that the last look shows with 80% power where errors vary by 4 points; None for betting.
    """

    planned: PlannedComparison
    alpha: float
    sizes: tuple[int, ...]
    detectable: float | None


def planned_looks(study: Study) -> list[PlannedLooks]:
    """Each comparison as it is planned, at the shares of a study that begins."""
    alpha = (1 - study.confidence) * (1 - study.reserve) / len(study.comparisons)
    found = []
    for each in study.comparisons:
        found.append(
            PlannedLooks(each, alpha, tuple(due_looks(each)), detectable(each, alpha, study.test, each.trials))
        )
    return found


def detectable(planned: PlannedComparison, alpha: float, test: str, until: int) -> float | None:
    """Points that the look at `until` networks of each shows with 80% power where errors vary by `SPREAD` points.

    Args:
        planned: The comparison.
        alpha: Its share of the error probability.
        test: Of the study.
        until: Networks of each at the look, one of `due_looks`.

    Returns:
        Points; None for betting, which assumes no distribution that would tell.
    """
    if test == "betting":
        return None
    sizes = [size for size in due_looks(planned) if size <= until]
    bound = float(spending_bounds([size / planned.trials for size in sizes], 1 - alpha, test)[-1])
    return (bound + _POWER_Z) * SPREAD * float(np.sqrt(2 / until))


def planned_text(study: Study) -> str:
    """What is trained at most, and what each comparison can show, as lines."""
    names = [each.name for each in study.spaces if study.most(each.name)]
    most = sum(study.most(name) for name in names)
    lines = [
        f"{study.name}: {count(len(names), 'space')}, {count(len(study.comparisons), 'comparison')}, at most "
        f"{most:,} trainings; {study.confidence:.0%} sure of all statements together ({study.test})"
    ]
    for each in planned_looks(study):
        shows = (
            ""
            if each.detectable is None
            else (f", shows {each.detectable:.1f} points with 80% power where errors vary by {SPREAD:g} points")
        )
        lines.append(
            f"  {each.planned.name}: up to {each.planned.trials} of each, {count(len(each.sizes), 'look')}, margin "
            f"{each.planned.margin:g}{shows}"
        )
    return "\n".join(lines)
