"""The populations of a study, one for each space, trained by turns on the same workers."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from netwright.population import Population
from netwright.space import DesignSpace, draw, load_space
from netwright.studies.deciding import ComparisonState, decide
from netwright.studies.study_file import Study
from netwright.sweeps.executor import TrialEvent, TrialSpec
from netwright.sweeps.pausing import may_begin
from netwright.sweeps.recording import Recorder
from netwright.sweeps.session import data_facts, session_facts
from netwright.sweeps.specs import flops_of, refuse_single_images, trial_specs
from netwright.sweeps.time_budget import TimeBudget
from netwright.workflow.budgeted import budgeted
from netwright.workflow.prepare import PreparedDesign, identity

__all__ = ["Arm", "Arms", "open_arms"]

_LOG = logging.getLogger(__name__)

_MOST_REPLACED = 2.0  # times as many trials as planned a space may have, to replace what the machine failed


@dataclass
class Arm:
    """A space of a study while it is trained.

    Attributes:
        name: Of the space in the study.
        space: Within the budget, for these images.
        population: Of its trials, in the order of which they count.
        recorder: Writes what happens to them.
        most: Networks that any comparison takes.
        begun: Trials that were given away so far, those of earlier programs included.
        queue: Trials that wait.
    """

    name: str
    space: DesignSpace
    population: Population
    recorder: Recorder
    most: int
    specs: Callable[[Sequence[Any]], list[TrialSpec]]
    begun: int = 0
    queue: deque[TrialSpec] = field(default_factory=deque)

    @property
    def results(self) -> list[float]:
        """Errors in the order of trials, up to the first unfinished one."""
        return self.population.results_in_order()


class Arms:
    """All of them, and which one is trained next.

    Whose turn it is follows from how many trials each has, and from which comparisons are open: never from errors
    otherwise. So partial results are fair, and the tests hold.
    """

    def __init__(
        self, study: Study, out: Path, arms: Sequence[Arm], alphas: Mapping[str, float], on_look: Callable[[], None]
    ) -> None:
        self._study, self._out, self._alphas, self._on_look = study, out, alphas, on_look
        self.arms = {arm.name: arm for arm in arms}
        self._order = list(self.arms)
        self.states = [self._look(planned) for planned in study.comparisons]
        self._budget: TimeBudget | None = None
        self._flops: dict[int, float] = {}  # of the trials that a budget let begin

    def _look(self, planned: Any) -> ComparisonState:
        a, b = (self.arms[name].results for name in (planned.a, planned.b))
        return decide(planned, a, b, self._alphas[planned.name], self._study.test)

    def limit(self, budget: TimeBudget) -> None:
        """Begin no trial that would end after this time."""
        self._budget = budget

    @property
    def is_out_of_time(self) -> bool:
        """Whether trials wait for which there was no time."""
        return self._budget is not None and self._budget.is_over

    def needed(self) -> list[Arm]:
        """Those of which an open comparison takes more networks."""
        for arm in self.arms.values():
            if not arm.queue:
                self._replace_lost(arm)
        wanted = self._wanted()
        return [arm for name, arm in self.arms.items() if arm.queue and self._counting(arm) < wanted.get(name, 0)]

    def _wanted(self) -> dict[str, int]:
        """Name of a space -> the most networks that an open comparison takes of it."""
        wanted: dict[str, int] = {}
        for state in self.states:
            if not state.is_over:
                for name in (state.planned.a, state.planned.b):
                    wanted[name] = max(wanted.get(name, 0), state.planned.trials)
        return wanted

    def turns(self) -> Iterator[tuple[str, TrialSpec]]:
        """(name of the space, trial) of all that are left, in their order where no comparison ends early."""
        wanted, places = self._wanted(), dict.fromkeys(self.arms, 0)
        left = {
            name: min(len(arm.queue), max(0, wanted.get(name, 0) - self._counting(arm)))
            for name, arm in self.arms.items()
        }
        while names := [name for name in self._order if places[name] < left[name]]:
            name = min(names, key=lambda each: self.arms[each].begun + places[each])
            yield name, self.arms[name].queue[places[name]]
            places[name] += 1

    def _counting(self, arm: Arm) -> int:
        """Networks that count or will: of what the machine failed nothing is known."""
        return arm.begun - sum(arm.population.failures()["machine"].values())

    def take(self) -> TrialSpec | None:
        """The next trial: of the space with the fewest so far."""
        if not may_begin(self._out):
            return None
        needed = self.needed()
        if not needed:
            return None
        arm = min(needed, key=lambda each: (each.begun, self._order.index(each.name)))
        trial = self._outside(arm, arm.queue[0])
        if self._budget is not None:
            self._flops[trial.index] = flops_of(trial)
            if not self._budget.allows(self._flops[trial.index]):
                return None
        arm.begun += 1
        arm.queue.popleft()
        return trial

    def record(self, event: TrialEvent) -> bool:
        """Write an event to its population, and look where a trial has ended."""
        arm = self.arms[self._order[event.index % len(self._order)]]
        if self._budget is not None and event.kind == "done":
            self._budget.done(self._flops[event.index], float(event.values["seconds"]))
        again = arm.recorder.record(replace(event, index=event.index // len(self._order)))
        if event.kind in ("done", "failed", "lost") and not again:
            self._look_again(arm.name)
        return again

    def _look_again(self, name: str) -> None:
        for place, before in enumerate(self.states):
            if before.is_over or name not in (before.planned.a, before.planned.b):
                continue
            now = self._look(before.planned)
            self.states[place] = now
            if now.n > before.n:
                low, high = now.interval
                _LOG.info(
                    "%s after %d networks of each: %+.2f to %+.2f points: %s",
                    now.planned.name,
                    now.n,
                    low,
                    high,
                    now.words(),
                )
                self._on_look()

    def _outside(self, arm: Arm, trial: TrialSpec) -> TrialSpec:
        """With an index that no trial of another arm has."""
        return replace(trial, index=trial.index * len(self._order) + self._order.index(arm.name))

    def _replace_lost(self, arm: Arm) -> None:
        """Trials in place of those that the machine failed, so that every planned look comes."""
        lost = sum(arm.population.failures()["machine"].values())
        held = len(arm.population)
        if held < min(arm.most + lost, int(_MOST_REPLACED * arm.most)):
            sample = draw(arm.space, arm.most + lost, arm.population.seed)
            arm.population.extend(sample.batch, notes={"account": dict(sample.rejection_counts)})
            new = [trial for trial in arm.population.trials("waiting") if trial.index >= held]
            arm.recorder.expect(new)
            arm.queue.extend(arm.specs(new))


@contextmanager
def open_arms(
    study: Study,
    prepared: PreparedDesign,
    alphas: Mapping[str, float],
    count: Callable[[str, str, int, Mapping[str, Any], str], None],
    on_look: Callable[[], None],
) -> Iterator[Arms]:
    """The populations, made or resumed and locked.

    Args:
        study: Whose.
        prepared: Images, recipe and workers, which all share.
        alphas: Comparison -> its share of the error probability.
        count: Called with each event: name of the space, and as `Recorder` does.
        on_look: Called after each look at a comparison.

    Raises:
        PopulationError: One is another population, or another program works on it.
        SpaceError: A space has too few networks within the budget.
    """
    out, images, config = prepared.config.out, prepared.images, prepared.config
    with ExitStack() as stack:
        arms = []
        for each in study.spaces:
            if not (most := study.most(each.name)):
                continue
            space = budgeted(load_space(each.ref), images.resolution, images.num_classes, images.channels, config)
            population = stack.enter_context(_population(study, prepared, each.name, space, most))
            stack.enter_context(population.lock())
            population.requeue()
            if config.retried:
                population.retry_failed(config.retried)
            waiting = population.trials("waiting")
            refuse_single_images(waiting, images, prepared.recipe)
            session = (
                session_facts(config.threads, prepared.devices, config.command, images.provenance),
                data_facts(images),
            )
            recorder = Recorder(population, each.name, session, _counted(count, each.name))
            stack.callback(recorder.close)
            recorder.expect(waiting)
            specs = _specs(population, prepared)
            begun = len(population) - len(waiting)
            arms.append(Arm(each.name, space, population, recorder, most, specs, begun, deque(specs(waiting))))
        yield Arms(study, out, arms, alphas, on_look)


def _population(study: Study, prepared: PreparedDesign, name: str, space: DesignSpace, most: int) -> Population:
    folder, seed, config = prepared.config.out / name, study.seed_of(name), prepared.config
    held = 0
    if (folder / "population.sqlite").exists():
        with Population.open(folder) as before:
            held = len(before)
    sample = draw(space, max(most, held), seed)
    return Population.open_or_create(
        folder,
        networks=sample.batch,
        seed=seed,
        identity=identity(space, prepared.recipe, prepared.images, config.threads),
        notes={
            "account": dict(sample.rejection_counts),
            "command": config.command,
            "study": {"name": study.name, "space": name},
        },
    )


def _counted(
    count: Callable[[str, str, int, Mapping[str, Any], str], None], name: str
) -> Callable[[str, int, Mapping[str, Any], str], None]:
    return lambda kind, index, values, failure: count(name, kind, index, values, failure)


def _specs(population: Population, prepared: PreparedDesign) -> Callable[[Sequence[Any]], list[TrialSpec]]:
    timeout = prepared.config.trial_timeout
    return lambda trials: trial_specs(population, trials, prepared.recipe, timeout=timeout)
