"""What a sweep will take on this machine, from two timed networks, and which trials begin within a budget of time."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from netwright.arch import complexity
from netwright.population import Population, Trial
from netwright.sweeps import default_workers
from netwright.sweeps.costs import CostEstimate, TrialCosts, estimate
from netwright.sweeps.time_budget import TimeBudget
from netwright.workflow.prepare import PreparedDesign
from netwright.workflow.speed import measure_speeds

__all__ = ["estimate_text", "estimated", "probed", "time_budget"]

_LOG = logging.getLogger(__name__)

_PROBE_SECONDS = 20.0


def probed(prepared: PreparedDesign, trials: Sequence[Trial]) -> TrialCosts:
    """Seconds of a trial: the networks of the fewest and of the most flops are trained for some steps.

    Raises:
        PopulationError: They cannot be trained, with the reason.
    """
    config, images, recipe = prepared.config, prepared.images, prepared.recipe
    flops = [_flops(trial) for trial in trials]
    places = sorted({flops.index(min(flops)), flops.index(max(flops))}, key=flops.__getitem__)
    workers = config.workers or default_workers(config.threads, prepared.devices)
    speeds, _ = measure_speeds(
        [trials[place].arch for place in places],
        [recipe] * len(places),
        workers=workers,
        threads=config.threads,
        device=prepared.devices[0],
        seconds=_PROBE_SECONDS,
    )
    seconds = [
        recipe.epochs * (speed.train * len(images.train) + speed.evaluate * len(images.validation))
        for speed in speeds
        if speed is not None
    ]
    known = [flops[place] for place in places][: len(seconds)]
    return TrialCosts.of_probes((known[0], known[-1]), (seconds[0], seconds[-1]))


def estimated(prepared: PreparedDesign, population: Population, costs: TrialCosts) -> CostEstimate:
    """What the waiting trials take, and how many of them fit into the budget."""
    config, counts = prepared.config, population.counts()
    workers = config.workers or default_workers(config.threads, prepared.devices)
    flops = [_flops(trial) for trial in population.trials("waiting")]
    return estimate(costs, flops, workers=workers, done=counts["done"], budget=config.seconds)


def estimate_text(prepared: PreparedDesign, population: Population) -> str:
    """`estimated` as a sentence."""
    waiting = population.trials("waiting")
    if not waiting:
        return "no trial waits"
    return estimated(prepared, population, probed(prepared, waiting)).text(prepared.config.seconds)


def time_budget(prepared: PreparedDesign, population: Population, title: str) -> TimeBudget | None:
    """The budget of a sweep that has one, which begins now; what fits is logged. None without a budget.

    Raises:
        PopulationError: The networks cannot be timed.
    """
    seconds, waiting = prepared.config.seconds, population.trials("waiting")
    if seconds is None or not waiting:
        return None
    costs = probed(prepared, waiting)
    _LOG.info("%s: %s", title, estimated(prepared, population, costs).text(seconds))
    return TimeBudget(seconds, costs)


def _flops(trial: Trial) -> float:
    return float(complexity(trial.arch).flops[0])
