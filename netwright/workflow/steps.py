"""The guided design, step by step, and its first step alone."""

from __future__ import annotations

import json
import logging

from netwright.analysis.refine import advise, draw_refined
from netwright.analysis.summary import view
from netwright.errors import PopulationError, SpaceError
from netwright.population import FILE, Population, difference
from netwright.space import Sample, draw
from netwright.sweeps import NullProgress, Progress
from netwright.workflow.baseline import baseline_for
from netwright.workflow.config import DesignConfig
from netwright.workflow.final_training import train_finalists
from netwright.workflow.prepare import PreparedDesign, prepare
from netwright.workflow.result import DesignResult, conclude
from netwright.workflow.selection import best_network, refuse_failure

__all__ = ["design", "sweep"]

_LOG = logging.getLogger(__name__)

_CONFIG = "brief"  # the key under which a population keeps the config of its design, as in version 0.1


def design(config: DesignConfig, progress: NullProgress | None = None) -> DesignResult:
    """From images and a budget to a selected network, with the evidence why.

    What is finished is in `config.out` at any moment; the same config resumes it.

    Args:
        config: What is asked for.
        progress: How far it is shown on it; None is a bar or lines on standard error, with the messages between them.

    Raises:
        DataError: Before any training: the images cannot be used.
        SpaceError: Before any training: no such space, or too small a one.
        RecipeError: Before any training: no such device.
        OutputError: The folder cannot be written.
        PopulationError: The folder has the work of another config, or every trial failed.
    """
    progress = progress or Progress()
    with progress:
        _refuse_other(config)
        prepared = prepare(config, progress)
        with prepared.executor:
            return _design(prepared)


def _design(prepared: PreparedDesign) -> DesignResult:
    config, space, out = prepared.config, prepared.space, prepared.config.out
    first = _first_sample(prepared)
    with prepared.population(out, space, first, config.seed) as population:
        prepared.train(population, f"1/3 {space.name}")
        before = population.frame()
    refuse_failure(before)
    advice = advise(space, before, seed=config.seed)
    advice, second = draw_refined(advice, space, config.confirming, config.seed + 1, first)
    for decision in advice.decisions:
        _LOG.info("%s", decision)
    name = advice.space.name
    notes = {_CONFIG: config.lasting()}
    with prepared.population(out / "refined", advice.space, second, config.seed + 1, **notes) as population:
        prepared.train(population, f"2/3 {name}")
        after = population.frame()
    pick, why_selected = best_network({space.name: before, name: after})
    _LOG.info("%s", why_selected)
    finalists = train_finalists(prepared, pick, baseline_for(pick, space.limits.get("flops", (0.0, float("inf")))[1]))
    views = (
        view(space.name, before, space, first.rejection_counts, "The space as given"),
        view(
            name,
            after,
            advice.space,
            second.rejection_counts,
            "The refined space" if advice.space.parameters != space.parameters else "The same space, sampled again",
        ),
    )
    return conclude(prepared, advice, views, finalists, why_selected)


def sweep(config: DesignConfig, progress: NullProgress | None = None) -> dict[str, int]:
    """The first step of a design alone: sample the space and train the population in `config.out`.

    Args:
        config: What is asked for.
        progress: As for `design`.

    Returns:
        State -> number of trials.

    Raises:
        PopulationError: The folder has another population. And what `design` raises before any training.
    """
    progress = progress or Progress()
    with progress:
        prepared = prepare(config, progress)
        space = prepared.space
        sample = draw(space, config.trials, config.seed)
        with prepared.executor, prepared.population(config.out, space, sample, config.seed) as population:
            prepared.train(population, space.name)
            return population.counts()


def _first_sample(prepared: PreparedDesign) -> Sample:
    """SpaceError where the space has no room for a second sample, to confirm with."""
    config = prepared.config
    try:
        draw(prepared.space, config.trials + config.confirming, config.seed)
    except SpaceError as error:
        raise SpaceError(f"{config.trials} networks, and {config.confirming} more to confirm with: {error}") from error
    return draw(prepared.space, config.trials, config.seed)


def _refuse_other(config: DesignConfig) -> None:
    """PopulationError where the space was refined under another config: more trials would have refined it otherwise."""
    folder = config.out / "refined"
    if not (folder / FILE).exists():
        return
    with Population.open(folder) as population:
        lines = difference(population.notes.get(_CONFIG, {}), json.loads(json.dumps(config.lasting())))
    if lines:
        raise PopulationError(
            f"the design in {config.out} has another config, and its space is refined already:\n  "
            + "\n  ".join(lines)
            + "\nGive the same to resume it, or choose another folder (--out) to start anew."
        )
