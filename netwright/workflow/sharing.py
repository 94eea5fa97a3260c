"""A sweep that others train: machines that join it, or the program that trains it already."""

from __future__ import annotations

import logging
from pathlib import Path

from netwright.errors import PopulationError, RecipeError
from netwright.population import FILE, Population
from netwright.sweeps import share
from netwright.system.plural import count
from netwright.workflow.guided import OWN
from netwright.workflow.prepare import PreparedDesign
from netwright.workflow.pruning import NONE

__all__ = ["check_shared", "is_added", "share_prepared", "trials_in"]

_LOG = logging.getLogger(__name__)


def check_shared(repeats: int, sampler: str, pruner: str = NONE) -> None:
    """Raise RecipeError for what one program only can do."""
    alone = {"repeats": repeats > 1, f"the sampler {sampler}": sampler != OWN, f"the pruner {pruner}": pruner != NONE}
    for what, is_given in alone.items():
        if is_given:
            raise RecipeError(
                f"{what} cannot be shared: a machine that joins trains the trials of a sample. Leave it out."
            )


def share_prepared(prepared: PreparedDesign, population: Population, title: str, lease: float) -> dict[str, int]:
    """Share the waiting trials; returns state -> number of trials."""
    config = prepared.config
    new = share(
        population,
        prepared.images,
        prepared.recipe,
        title=title,
        threads=config.threads,
        trial_timeout=config.trial_timeout,
        retry_failed=config.retried,
        lease=lease,
    )
    _LOG.info("%s: %s shared", title, count(new, "trial is", "trials are"))
    return population.counts()


def trials_in(folder: Path) -> int:
    """How many trials the population of a folder has; 0 where there is none."""
    if not (folder / FILE).exists():
        return 0
    with Population.open(folder) as population:
        return len(population)


def is_added(population: Population, before: int) -> bool:
    """Whether there are more trials than before, and another program trains the population: it trains them too."""
    added = len(population) - before
    if not before or added <= 0:
        return False
    try:
        with population.lock():
            return False
    except PopulationError:
        _LOG.info("%s added: the sweep that runs trains them too", count(added, "trial"))
        return True
