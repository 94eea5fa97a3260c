"""A sweep whose networks an Optuna sampler proposes, which learns from the errors so far.

Such a population is no random sample of its space: it finds good networks sooner, and says nothing of how errors are
distributed in the space. Its identity has the sampler, and whoever reads it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import PopulationError, RecipeError, SpaceError
from netwright.population import FILE, Population
from netwright.space import DesignSpace, Sample, UnionSpace, draw
from netwright.space.drawn_setting import codes
from netwright.space.sampling import networks_of
from netwright.stats.outcomes import WORST
from netwright.sweeps import default_workers
from netwright.system.extras import optional
from netwright.workflow.pruning import NONE, Pruning, new_study, pruning_of

if TYPE_CHECKING:
    import pandas as pd

    from netwright.workflow.prepare import PreparedDesign

__all__ = ["OWN", "SAMPLERS", "Proposals", "check_sampler", "guided_sweep"]

OWN = "space"  # the space's own independent draws
SAMPLERS = (OWN, "random", "tpe", "gp")
_MOST_ASKED = 20  # proposals in a row that break a limit, until the space draws a network itself


def check_sampler(sampler: str, repeats: int, has_latency: bool) -> None:
    """Raise RecipeError for a sampler that there is not, or with what only the space's own draws go."""
    if sampler not in SAMPLERS:
        raise RecipeError(f"sampler is one of {', '.join(SAMPLERS)}, not {sampler!r}. Choose one.")
    if sampler != OWN and (repeats > 1 or has_latency):
        what = "repeats" if repeats > 1 else "max_latency"
        raise RecipeError(f"{what} goes with the sampler {OWN} only, not with {sampler}. Leave one of them out.")


def guided_sweep(prepared: PreparedDesign, sampler: str, pruner: str = NONE) -> dict[str, int]:
    """Train as many networks as the configuration has trials, as many at a time as there are workers.

    Args:
        prepared: Its space is searched.
        sampler: One of `SAMPLERS`.
        pruner: One of `PRUNERS`; it and the sampler share what they know.

    Returns:
        State of a trial -> number of trials.

    Raises:
        ExtraError: Optuna is not installed.
        PopulationError: The folder holds another population.
        SpaceError: The sampler finds no more networks within the limits.
    """
    config, space = prepared.config, prepared.space
    if isinstance(space, UnionSpace):
        raise SpaceError(
            f"{space.name!r} is a union, and the sampler {sampler} searches one space. Sweep its members apart, or "
            "leave --sampler out. In Python, `space.suggest(trial)` draws from a union."
        )
    pruning_of(config, pruner)  # refuses a folder that was begun with another one
    proposals = Proposals(space, sampler, config.seed, pruner, config.epochs)
    made_by = {"sampler": sampler} | ({} if pruner == NONE else {"pruner": pruner})
    proposals.take_up(_before(prepared, sampler))
    at_once = config.workers or default_workers(config.threads, prepared.devices)
    if not proposals.drawn:
        proposals.ask(min(at_once, config.trials))
    with prepared.population(config.out, space, proposals.sample(), config.seed, **made_by) as population:
        while True:
            prepared.train(population, space.name, pruner=None if pruner == NONE else proposals)
            proposals.learn(population.frame())
            left = config.trials - len(proposals.drawn)
            if left <= 0:
                break
            proposals.ask(min(at_once, left))
            sample = proposals.sample()
            population.extend(sample.batch, notes={"account": dict(sample.rejection_counts)})
        prepared.tell_guessing(space.name, population.errors())
        return population.counts()


def _before(prepared: PreparedDesign, sampler: str) -> pd.DataFrame | None:
    """The trials of the folder's population, where it was made by the same sampler."""
    config = prepared.config
    if not (config.out / FILE).exists():
        return None
    with Population.open(config.out) as population:
        was = population.identity.get("sampler", OWN)
        if was != sampler:
            raise PopulationError(
                f"the population in {config.out} was made with the sampler {was}, not {sampler}. Give that one to "
                "continue it, or another folder."
            )
        return population.frame()


class Proposals:
    """Networks that a sampler proposes, one study in memory: what was trained before is told to it again.

    Attributes:
        drawn: What was drawn for each network, in order: column of the space -> value.
    """

    def __init__(self, space: DesignSpace, sampler: str, seed: int, pruner: str = NONE, epochs: int = 1) -> None:
        optuna: Any = optional("optuna", "optuna")
        samplers = {
            "random": lambda: optuna.samplers.RandomSampler(seed=seed),
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=False, constant_liar=True),
            "gp": lambda: optuna.samplers.GPSampler(seed=seed),
        }
        self._optuna, self._space = optuna, space
        self._study = new_study(pruner, epochs, seed, samplers[sampler]())
        self._open: dict[int, Any] = {}  # network -> its trial of the study
        self._known: dict[tuple[Any, ...], int] = {}
        self._errors: dict[int, float] = {}
        self._asked = self._own = 0
        self._seed = seed
        self.drawn: list[dict[str, Any]] = []

    def take_up(self, frame: pd.DataFrame | None) -> None:
        """Tell the study of earlier trials. frame: of their population."""
        if frame is None:
            return
        for values in frame[list(self._space.columns)].to_dict("records"):
            drawn = {str(name): value if isinstance(value, str) else float(value) for name, value in values.items()}
            self._study.enqueue_trial(drawn)
            self._add(self._study.ask())
        self.learn(frame)

    def ask(self, n: int) -> None:
        """Propose n new networks.

        Where narrow limits refuse 20 proposals in a row, the space draws a network within them, which the study learns
        from like the others: more refused ones would only slow it down.

        Raises:
            SpaceError: There are no more networks within the limits.
        """
        for wanted in range(len(self.drawn) + 1, len(self.drawn) + n + 1):
            for _ in range(_MOST_ASKED):
                if len(self.drawn) == wanted:
                    break
                self._add(self._study.ask())
            else:
                if len(self.drawn) < wanted:
                    self._draw()

    def _draw(self) -> None:
        """A network of the space's own draws."""
        before = networks_of(self._space, _columns(self._space.columns, self.drawn)) if self.drawn else None
        batch = draw(self._space, 1, self._seed + len(self.drawn), exclude=before).batch
        self._study.enqueue_trial({name: np.asarray(each).tolist()[0] for name, each in batch.parameters.items()})
        self._own += 1
        self._add(self._study.ask())

    def _add(self, trial: Any) -> None:
        self._asked += 1
        try:
            suggestion = self._space.suggest(trial)
        except self._optuna.TrialPruned:
            self._study.tell(trial, state=self._optuna.trial.TrialState.PRUNED)
            return
        key = (suggestion.arch.to_json(), *suggestion.recipe.values())
        if key in self._known:
            error = self._errors.get(self._known[key])
            failed = self._optuna.trial.TrialState.FAIL
            self._study.tell(trial, error) if error is not None else self._study.tell(trial, state=failed)
            return
        self._known[key] = len(self.drawn)
        self._open[len(self.drawn)] = trial
        self.drawn.append(dict(suggestion.parameters))

    def learn(self, frame: pd.DataFrame) -> None:
        """Tell the study what came of its networks: a failed one is the worst; of what the machine failed, nothing."""
        for index in sorted(self._open):
            row = frame.iloc[index]
            known = self._open[index]
            reported = known.study.get_trials(deepcopy=False)[known.number].intermediate_values
            Pruning.report_curve(known, [each for each in row["curve"] if each["epoch"] not in reported])
            if row["state"] == "done":
                self._errors[index] = float(row["error"])
            elif row["state"] == "failed" and row["failure"] == "network":
                self._errors[index] = WORST
            elif row["state"] not in ("failed", "pruned"):
                continue
            trial = self._open.pop(index)
            if index in self._errors:
                self._study.tell(trial, self._errors[index])
            elif row["state"] == "pruned":
                self._study.tell(trial, state=self._optuna.trial.TrialState.PRUNED)
            else:
                self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)

    def should_stop(self, index: int, epoch: int, error: float) -> bool:
        trial = self._open[index]
        trial.report(error, epoch)
        return bool(trial.should_prune())

    def finished(self, index: int, state: str, error: float | None) -> None:
        """`learn` tells the study, when all trials that were proposed together are over."""

    def sample(self) -> Sample:
        """All networks so far, and how many proposals they took."""
        batch = networks_of(self._space, _columns(self._space.columns, self.drawn))
        others = self._asked - len(self.drawn)
        counts = {"draws": self._asked, "accepted": len(self.drawn), "beyond limits, or again": others}
        return Sample(batch, counts | {"drawn by the space": self._own})


def _columns(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: codes(name, [row[name] for row in rows]) for name in names}
