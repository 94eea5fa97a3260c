"""Share the waiting trials of a population with every machine that sees its folder."""

from __future__ import annotations

import logging
import os

from netwright.data import ImageSet
from netwright.errors import OutputError, PopulationError, RecipeError
from netwright.population import Population
from netwright.recipe import Recipe
from netwright.sweeps.retrying import retried, retry
from netwright.sweeps.session import data_facts
from netwright.sweeps.shared import SharedSweep
from netwright.sweeps.specs import refuse_single_images, trial_specs

__all__ = ["LEASE", "fold", "share"]

_LOG = logging.getLogger(__name__)

LEASE = 120.0  # seconds; network disks may show a change after a minute


def share(
    population: Population,
    images: ImageSet,
    recipe: Recipe,
    *,
    title: str = "sweep",
    threads: int = 1,
    trial_timeout: float | None = None,
    retry_failed: bool | str = False,
    lease: float = LEASE,
) -> int:
    """Put every waiting trial where `join_sweep` takes it, from any number of machines; nothing is trained here.

    Called again it adds what waits since then, while the others train.

    Args:
        population: Its waiting trials are shared.
        images: Saved on a disk that all machines have, best in the run folder.
        recipe: Resolved: nothing is "auto".
        title: Of progress and messages.
        threads: Of each worker, on all machines.
        trial_timeout: As for `netwright.sweeps.run`.
        retry_failed: Likewise.
        lease: Seconds of silence after which a worker's trial goes to another one.

    Returns:
        How many trials are new.

    Raises:
        OutputError: The folder cannot be written.
        PopulationError: Another program works on the population, or the images are not on disk.
        RecipeError: No lease, or as for `netwright.sweeps.run`.
    """
    if images.path is None:
        raise PopulationError(
            "the images of a sweep are on disk, so that workers share them. Give load_images a cache."
        )
    if not 0 < lease < float("inf"):
        raise RecipeError(f"lease is a number of seconds above 0, not {lease:g}. {LEASE:g} suits network disks.")
    retried(retry_failed)
    shared = SharedSweep(population.folder)
    with population.lock():
        population.requeue()
        population.share_file(True)
        if shared.is_there:
            fold(shared, population)
        retry(population, retry_failed, title)
        waiting = population.trials("waiting")
        refuse_single_images(waiting, images, recipe)
        facts = {
            "title": title,
            "epochs": recipe.epochs,
            "threads": threads,
            "lease": lease,
            "images": _relative(images, population),
            "data": data_facts(images),
            "splits": images.provenance,
        }
        specs = trial_specs(population, waiting, recipe, timeout=trial_timeout)
        keys = [f"{trial.index}-{trial.attempts}" for trial in waiting]
        return shared.offer(facts, zip(keys, specs, strict=True))


def fold(shared: SharedSweep, population: Population) -> int:
    """Take the results that are there into the population, which is locked meanwhile; returns how many were new.

    Where none of its trials waits any more, the shared files are removed.
    """
    results = shared.results()
    new = population.fold(results, shared.facts()["data"]) if results else []
    shared.mark_folded(results)
    counts = population.counts()
    if not counts["waiting"] + counts["running"]:
        shared.remove()
        try:
            population.share_file(False)
        except OutputError:  # somebody reads it: it stays as it is, and readers may have to wait a moment
            _LOG.debug("%s is open elsewhere", population.folder)
    return len(new)


def _relative(images: ImageSet, population: Population) -> str:
    """Where the images are, seen from the run folder, which other machines may have at another place."""
    assert images.path is not None
    path, run = images.path.resolve(), population.folder.resolve()
    return os.path.relpath(path, run) if path.is_relative_to(run) else str(path)
