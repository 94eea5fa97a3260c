"""Trials that end early, because a pruner of Optuna expects nothing of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netwright.errors import PopulationError, RecipeError
from netwright.population import FILE, Population
from netwright.stats.outcomes import WORST
from netwright.system.extras import optional

if TYPE_CHECKING:
    import pandas as pd

    from netwright.workflow.config import DesignConfig

__all__ = ["PRUNERS", "Pruning", "check_pruner", "pruning_of"]

NONE = "none"
PRUNERS = (NONE, "median", "halving", "hyperband")


def check_pruner(pruner: str, epochs: int, repeats: int, executor: str = "local") -> None:
    """Raise RecipeError for a pruner that there is not, or with which nothing can be pruned or repeated."""
    if pruner not in PRUNERS:
        raise RecipeError(f"pruner is one of {', '.join(PRUNERS)}, not {pruner!r}. Choose one.")
    if pruner == NONE:
        return
    if epochs < 2:
        raise RecipeError(
            f"pruner {pruner} ends trials after an epoch, and each has only {epochs}. Give more 'epochs'."
        )
    if executor != "local":
        raise RecipeError(
            f"pruner {pruner} ends trials of local workers only, not those of the executor {executor}. Leave one of "
            "them out."
        )
    if repeats > 1:
        raise RecipeError(
            f"repeats show what seeds do to errors of the last epoch, which pruner {pruner} prevents. Leave one of "
            "them out."
        )


def pruning_of(config: DesignConfig, pruner: str) -> Pruning | None:
    """The pruner of a sweep, which knows the trials of its folder; None where nothing is pruned.

    Raises:
        ExtraError: Optuna is not installed.
        PopulationError: The folder's population was made with another pruner.
    """
    frame = None
    if (config.out / FILE).exists():
        with Population.open(config.out) as population:
            was = population.identity.get("pruner", NONE)
            frame = population.frame() if was != NONE else None
        if was != pruner:
            raise PopulationError(
                f"the population in {config.out} was made with the pruner {was}, not {pruner}: pruned and fully "
                "trained trials are not mixed. Give that one to continue it, or another folder."
            )
    if pruner == NONE:
        return None
    found = Pruning(new_study(pruner, config.epochs, config.seed))
    if frame is not None:
        found.take_up(frame)
    return found


def new_study(pruner: str, epochs: int, seed: int, sampler: Any = None) -> Any:
    """An Optuna study in memory that minimizes errors. sampler: of Optuna; None where it proposes nothing."""
    optuna: Any = optional("optuna", "optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruners = {
        NONE: optuna.pruners.NopPruner,
        # five trials are trained to their end first
        "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=5),
        "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        "hyperband": lambda: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3),
    }
    return optuna.create_study(sampler=sampler or optuna.samplers.RandomSampler(seed=seed), pruner=pruners[pruner]())


class Pruning:
    """Tells a study the error of every epoch, and asks it which trials to end. A `TrialPruner`.

    Args:
        study: Of Optuna, with a pruner.
    """

    def __init__(self, study: Any) -> None:
        self._study = study
        self._open: dict[int, Any] = {}  # trial of the population -> its trial of the study

    def take_up(self, frame: pd.DataFrame) -> None:
        """Tell the study of earlier trials. frame: of their population."""
        for index, row in enumerate(frame.to_dict("records")):
            if row["state"] in ("done", "pruned", "failed"):
                self.report_curve(self.trial(index), row["curve"])
                self.finished(index, row["state"], row["error"])

    @staticmethod
    def report_curve(trial: Any, curve: list[Mapping[str, Any]]) -> None:
        """Tell a trial of the study the errors of its epochs."""
        for epoch in curve:
            trial.report(float(epoch["error"]), int(epoch["epoch"]))

    def trial(self, index: int) -> Any:
        """Of the study, for a trial of the population."""
        if index not in self._open:
            self._open[index] = self._study.ask()
        return self._open[index]

    def should_stop(self, index: int, epoch: int, error: float) -> bool:
        trial = self.trial(index)
        trial.report(error, epoch)
        return bool(trial.should_prune())

    def finished(self, index: int, state: str, error: float | None) -> None:
        import optuna

        trial, states = self.trial(index), optuna.trial.TrialState
        if state == "pruned":
            self._study.tell(trial, state=states.PRUNED)
        else:
            self._study.tell(trial, float(error) if state == "done" and error is not None else WORST)
        del self._open[index]
