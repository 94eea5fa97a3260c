"""What a study knows now: its comparisons, its populations and what they cost, read from its folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.population import FILE, Population, mixed_sessions
from netwright.studies.deciding import ComparisonState, decide
from netwright.studies.study_file import Study
from netwright.system.plural import count

if TYPE_CHECKING:
    from netwright.studies.estimating import StudyEstimate

__all__ = ["SpaceCost", "StudyResult", "result_of"]


@dataclass(frozen=True, slots=True)
class SpaceCost:
    """What one space took.

    Attributes:
        name: Of the space.
        done, failed: Trials.
        planned: At most.
        mean: Error in percent, NaN before there is one; a network that failed counts as 100.
        hours: Of training, on one worker.
    """

    name: str
    done: int
    failed: int
    planned: int
    mean: float
    hours: float


@dataclass(frozen=True)
class StudyResult:
    """A study as far as it is.

    Attributes:
        study: Its plan.
        folder: Where it is.
        states: Of each comparison.
        costs: Of each space.
        notices: What a reader must know, in sentences.
        is_out_of_time: Whether the sitting that trained last ended by its budget; the same command goes on.
        estimate: What is left of it, where only that was wanted.
    """

    study: Study
    folder: Path
    states: tuple[ComparisonState, ...]
    costs: tuple[SpaceCost, ...]
    notices: tuple[str, ...] = ()
    is_out_of_time: bool = False
    estimate: StudyEstimate | None = None

    @property
    def is_over(self) -> bool:
        """Whether every comparison is."""
        return all(state.is_over for state in self.states)

    def networks(self, state: ComparisonState) -> int:
        """Trained networks that a decision took: of both spaces."""
        return 2 * state.n

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "study": self.study.name,
            "folder": str(self.folder),
            "is_over": self.is_over,
            "confidence": self.study.confidence,
            "test": self.study.test,
            "comparisons": [_as_dict(state) for state in self.states],
            "spaces": [
                {name: _known(getattr(cost, name)) for name in ("name", "done", "failed", "planned", "mean", "hours")}
                for cost in self.costs
            ],
            "notices": list(self.notices),
            "is_out_of_time": self.is_out_of_time,
        } | ({} if self.estimate is None else {"estimate": self.estimate.to_dict()})

    def text(self) -> str:
        """The comparisons and the costs, as lines."""
        width = max(len(state.planned.name) for state in self.states)
        lines = [f"{'':<{width}}  {'networks':>8}  {'points':>7}  interval"]
        for state in self.states:
            interval = "{:+.2f} to {:+.2f}".format(*state.interval) if state.n else "no look yet"
            points = f"{state.difference:+.2f}" if state.n else ""
            lines.append(f"{state.planned.name:<{width}}  {state.n:>8}  {points:>7}  {interval:<17}  {state.words()}")
        lines.append(
            f"with {self.study.confidence:.0%} confidence no interval of the study misses the true difference, at any "
            "look"
        )
        width = max(len(cost.name) for cost in self.costs)
        lines += [
            f"{cost.name:<{width}}  {cost.done} of {cost.planned} done, {cost.failed} failed, {cost.hours:.2f} hours"
            + ("" if math.isnan(cost.mean) else f", mean error {cost.mean:.2f}%")
            for cost in self.costs
        ]
        lines += self.notices
        if self.is_out_of_time and not self.is_over:
            left = sum(not state.is_over for state in self.states)
            lines.append(f"the time is up, {count(left, 'comparison')} still open: the same command goes on")
        return "\n".join(lines)


def result_of(study: Study, folder: Path, shares: Mapping[str, float]) -> StudyResult:
    """Read what there is. shares: of the error probability, of each comparison."""
    errors: dict[str, list[float]] = {}
    costs, notices = [], []
    for each in study.spaces:
        if not study.most(each.name):
            continue
        if not (folder / each.name / FILE).exists():
            errors[each.name] = []
            costs.append(SpaceCost(each.name, 0, 0, study.most(each.name), math.nan, 0.0))
            continue
        with Population.open(folder / each.name) as population, population.snapshot():
            found, counts = population.results_in_order(), population.counts()
            seconds = [value for value in population.frame()["seconds"] if value == value]
            errors[each.name] = found
            mean = sum(found) / len(found) if found else math.nan
            costs.append(
                SpaceCost(each.name, counts["done"], counts["failed"], study.most(each.name), mean, sum(seconds) / 3600)
            )
            if lines := mixed_sessions(population.notes):
                notices.append(f"{each.name} was trained on unlike machines: {'; '.join(lines)}")
    states = tuple(
        decide(each, errors[each.a], errors[each.b], shares[each.name], study.test) for each in study.comparisons
    )
    return StudyResult(study, folder, states, tuple(costs), tuple(notices))


def _as_dict(state: ComparisonState) -> dict[str, Any]:
    return {
        "name": state.planned.name,
        "margin": state.planned.margin,
        "alpha": state.alpha,
        "networks": state.n,
        "planned": state.planned.trials,
        "difference": _known(state.difference),
        "interval": list(state.interval),
        "decision": state.decision,
        "is_over": state.is_over,
        "looks": [list(look) for look in state.looks],
        "words": state.words(),
    }


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
