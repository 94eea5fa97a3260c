"""What a study takes on this machine before it starts, and how far a sitting of some hours brings it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from netwright.options.duration import duration_in_words
from netwright.studies.arms import Arms
from netwright.studies.deciding import ComparisonState, due_looks
from netwright.studies.planning import SPREAD, detectable
from netwright.studies.study_file import Study
from netwright.sweeps import default_workers
from netwright.sweeps.costs import TrialCosts, estimate
from netwright.sweeps.specs import flops_of
from netwright.system.plural import count
from netwright.workflow.estimating import probed
from netwright.workflow.prepare import PreparedDesign

__all__ = ["ExpectedLook", "StudyEstimate", "study_costs", "study_estimate"]


@dataclass(frozen=True, slots=True)
class ExpectedLook:
    """Where a comparison is at the end of a sitting.

    Attributes:
        name: Of the comparison.
        networks: Of each space by then, those included that are trained already.
        look: The last planned look by then, as networks of each; 0 where there is none.
        planned: Networks of each at the last look of all.
        detectable: Points that all looks up to that one show with 80% power where errors vary by 4 points; None before
            the first look and for betting.
    """

    name: str
    networks: int
    look: int
    planned: int
    detectable: float | None


@dataclass(frozen=True)
class StudyEstimate:
    """What is left of a study, at most: a comparison that is decided takes no more networks.

    Attributes:
        trials: Trainings that are left where no comparison ends early.
        seconds: Until the last one ends, on all workers.
        worker_hours: Of all workers together.
        workers: Trials at a time.
        budget: Seconds of a sitting; None for no end.
        fitting: How many of the trainings end within it.
        looks: Of each open comparison at its end.
    """

    trials: int
    seconds: float
    worker_hours: float
    workers: int
    budget: float | None
    fitting: int
    looks: tuple[ExpectedLook, ...]

    def text(self) -> str:
        """The estimate in words, a line for each comparison where there is a budget."""
        if not self.trials:
            return "no training is left"
        left = f"{count(self.trials, 'training')} {'is' if self.trials == 1 else 'are'} left"
        time = f"{duration_in_words(self.seconds)} on {count(self.workers, 'worker')}"
        whole = (
            f"at most {left}: about {time} ({self.worker_hours:.2f} worker-hours). "
            "A comparison that is decided takes no more"
        )
        if self.budget is None or self.fitting >= self.trials:
            return whole
        lines = [whole, f"in {duration_in_words(self.budget)} about {self.fitting:,} of them:"]
        for each in self.looks:
            shows = "" if each.detectable is None else f", shows {each.detectable:.1f} points"
            look = f"looked at up to {each.look} of {each.planned}{shows}" if each.look else "no look yet"
            lines.append(f"  {each.name}: {each.networks} of each, {look}")
        if any(each.detectable is not None for each in self.looks):
            lines.append(f"  (with 80% power, where errors vary by {SPREAD:g} points)")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        names = ("trials", "seconds", "worker_hours", "workers", "budget", "fitting")
        looks = [
            {name: getattr(each, name) for name in ("name", "networks", "look", "planned", "detectable")}
            for each in self.looks
        ]
        return {name: getattr(self, name) for name in names} | {"comparisons": looks}


def study_costs(prepared: PreparedDesign, arms: Arms) -> TrialCosts | None:
    """Seconds of a trial, by the waiting networks of fewest and of most flops, which are timed; None where none waits.

    Raises:
        PopulationError: They cannot be trained, with the reason.
    """
    waiting = [trial for arm in arms.arms.values() for trial in arm.population.trials("waiting")]
    return probed(prepared, waiting) if waiting else None


def study_estimate(study: Study, prepared: PreparedDesign, arms: Arms, costs: TrialCosts | None) -> StudyEstimate:
    """What is left, and what of it fits into the budget. costs: of a trial, as `study_costs` has them."""
    config = prepared.config
    workers = config.workers or default_workers(config.threads, prepared.devices)
    turns = list(arms.turns())
    if costs is None or not turns:
        return StudyEstimate(0, 0.0, 0.0, workers, config.seconds, 0, ())
    flops = [flops_of(trial) for _, trial in turns]
    found = estimate(costs, flops, workers=workers, budget=config.seconds)
    by_then = {name: arm.begun for name, arm in arms.arms.items()}
    for name, _ in turns[: found.fitting]:
        by_then[name] += 1
    looks = tuple(_expected(study, state, by_then) for state in arms.states if not state.is_over)
    return StudyEstimate(found.trials, found.seconds, found.worker_hours, workers, config.seconds, found.fitting, looks)


def _expected(study: Study, state: ComparisonState, by_then: Mapping[str, int]) -> ExpectedLook:
    planned = state.planned
    networks = min(by_then[planned.a], by_then[planned.b], planned.trials)
    sizes = np.array([size for size in due_looks(planned) if size <= networks])
    look = int(sizes[-1]) if len(sizes) else 0
    shown = detectable(planned, state.alpha, study.test, look) if look else None
    return ExpectedLook(planned.name, networks, look, planned.trials, shown)
