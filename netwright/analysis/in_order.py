"""The errors of a population in the order of its trials, as tests that are looked at after every trial need them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.report.text import count
from netwright.report.view import PopulationView

__all__ = ["ErrorsInOrder", "errors_in_order"]

_SORTED = 4.0  # rank correlations of rows and errors above so many standard errors are no chance
_FEWEST = 5


@dataclass(frozen=True, slots=True, eq=False)
class ErrorsInOrder:
    """The errors of the first trials of a population.

    Attributes:
        errors: (n,) in the order of their trials; of a network that failed it is the worst.
        later: How many networks with a result are left out, for a trial before them has none yet: the trials that end
            first are not like the others.
        is_shuffled: Whether the rows of a table go with their errors, so that they were put in a random order.
    """

    errors: npt.NDArray[np.float64]
    later: int
    is_shuffled: bool

    def notice(self, name: str) -> str:
        """What a reader must know of that order; empty where it is plain."""
        if self.is_shuffled:
            return (
                f"{name}: its rows are in an order that goes with errors, so they were shuffled (seed 0); this is then "
                "one look, not a row of them"
            )
        if self.later:
            return f"{name}: {count(self.later, 'network')} wait for a trial before them that is not finished"
        return ""


def errors_in_order(view: PopulationView) -> ErrorsInOrder:
    """The errors of a population in the order of its trials.

    Args:
        view: What `read` returns; of its survivors where only they count.
    """
    trials, found = view.trials, view.outcomes
    values = np.full(len(trials), np.nan)
    values[found.rows] = np.where(found.failed, np.nan if view.survivors else view.failure_error, found.errors)
    order = np.argsort(trials["trial"].to_numpy(), kind="stable")
    values, unfinished = values[order], trials["state"].isin(("waiting", "running")).to_numpy()[order]
    first = int(np.argmax(unfinished)) if unfinished.any() else len(trials)
    errors = values[:first][np.isfinite(values[:first])]
    later = int(np.isfinite(values[first:]).sum())
    mixed = _goes_with_rows(errors)
    if mixed:
        errors = np.random.default_rng(0).permutation(errors)
    return ErrorsInOrder(errors, later, mixed)


def _goes_with_rows(errors: npt.NDArray[np.float64]) -> bool:
    """Whether the rank correlation of errors with their places is beyond what chance gives."""
    if errors.size < _FEWEST or np.ptp(errors) == 0:
        return False
    from netwright.stats.shuffles import midranks

    correlation = np.corrcoef(midranks(errors), np.arange(errors.size))[0, 1]
    return bool(abs(correlation) * np.sqrt(errors.size - 1) > _SORTED) or bool(abs(correlation) > 0.999)
