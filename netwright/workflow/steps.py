"""The guided job, step by step, and its first step alone."""

from __future__ import annotations

import json

from netwright.analysis.refine import advise, draw_refined
from netwright.analysis.summary import view
from netwright.errors import PopulationError, SpaceError
from netwright.population import FILE, Population, difference
from netwright.space import Sample, draw
from netwright.sweeps import NullProgress, Progress
from netwright.workflow.baseline import baseline_for
from netwright.workflow.config import DesignConfig
from netwright.workflow.final_training import train_finals
from netwright.workflow.job import Job, prepare
from netwright.workflow.result import Result, conclude
from netwright.workflow.selection import best_network, refuse_failure

__all__ = ["design", "sweep"]


def design(config: DesignConfig, progress: NullProgress | None = None) -> Result:
    """Do the whole job; give the same brief again to resume it. Everything finished is in `brief.out` at any moment.

    Raises DataError, SpaceError, RecipeError and OutputError before any training, PopulationError when the folder
    holds the work of another brief or every trial failed.
    """
    progress = progress or Progress()
    with progress:
        _refuse_other(config)
        job = prepare(config, progress)
        with job.executor:
            return _design(job)


def _design(job: Job) -> Result:
    config, progress = job.config, job.progress
    space, out = job.space, config.out
    first = _first_of_all(job)
    with job.population(out, space, first, config.seed) as population:
        job.train(population, f"1/3 {space.name}")
        before = population.frame()
    refuse_failure(before)
    advice = advise(space, before, seed=config.seed)
    advice, second = draw_refined(advice, space, config.confirming, config.seed + 1, first)
    for decision in advice.decisions:
        progress.say(decision)
    name = advice.space.name
    with job.population(out / "refined", advice.space, second, config.seed + 1, config=config.lasting()) as population:
        job.train(population, f"2/3 {name}")
        after = population.frame()
    pick, why_picked = best_network({space.name: before, name: after})
    progress.say(why_picked)
    finals = train_finals(job, pick, baseline_for(pick, space.limits.get("flops", (0.0, float("inf")))[1]))
    views = (
        view(space.name, before, space, first.account, "The space as given"),
        view(
            name,
            after,
            advice.space,
            second.account,
            "The refined space" if advice.space.axes != space.axes else "The same space, sampled again",
        ),
    )
    return conclude(job, advice, views, finals, why_picked)


def sweep(config: DesignConfig, progress: NullProgress | None = None) -> dict[str, int]:
    """Only the first step: sample the space and train the population in `brief.out`. State -> number of trials."""
    progress = progress or Progress()
    with progress:
        job = prepare(config, progress)
        sample = draw(job.space, config.trials, config.seed)
        with job.executor, job.population(config.out, job.space, sample, config.seed) as population:
            job.train(population, job.space.name)
            return population.counts()


def _first_of_all(job: Job) -> Sample:
    """The first sample; SpaceError where the space has no room for a second one, to confirm with."""
    config = job.config
    try:
        draw(job.space, config.trials + config.confirming, config.seed)
    except SpaceError as error:
        raise SpaceError(f"{config.trials} networks, and {config.confirming} more to confirm with: {error}") from error
    return draw(job.space, config.trials, config.seed)


def _refuse_other(config: DesignConfig) -> None:
    """Once the space was refined the brief stands: more trials, say, would have refined it otherwise."""
    folder = config.out / "refined"
    if not (folder / FILE).exists():
        return
    with Population.open(folder) as population:
        lines = difference(population.notes.get("config", {}), json.loads(json.dumps(config.lasting())))
    if lines:
        raise PopulationError(
            f"the design in {config.out} was asked for differently, and its space is refined already:\n  "
            + "\n  ".join(lines)
            + "\nAsk for the same to resume it, or choose another folder (--out) to start anew."
        )
