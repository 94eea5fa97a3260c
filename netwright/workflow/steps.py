"""The guided design, step by step, and its first step alone."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from netwright.analysis.policy import BEFORE, BEFORE_FROM, DEFAULT, REFINE_FROM
from netwright.analysis.refine import advise, draw_refined, refined_before
from netwright.analysis.summary import view
from netwright.errors import PopulationError, RecipeError, SpaceError
from netwright.population import FILE, Population, difference
from netwright.space import DesignSpace, Sample, draw
from netwright.sweeps import NullProgress, Progress
from netwright.workflow.baseline import baseline_for
from netwright.workflow.config import SWEEP_TRIALS, DesignConfig
from netwright.workflow.final_training import train_finalists
from netwright.workflow.prepare import PreparedDesign, prepare
from netwright.workflow.result import DesignResult, conclude
from netwright.workflow.selection import best_network, refuse_failure

__all__ = ["design", "sweep"]

_LOG = logging.getLogger(__name__)

_CONFIG = "brief"  # the key under which a population keeps the configuration of its design, as in version 0.1


def design(
    config: DesignConfig | str | Path = "digits", progress: NullProgress | None = None, **options: Any
) -> DesignResult:
    """From images and a budget to a selected network: what `netwright design` runs.

    Called again with the same arguments, it continues where it was interrupted. Everything finished is in the folder
    `out` at any moment.

        netwright.design("photos", max_flops=40e6, trials=24, out="runs/photos")

    Args:
        config: The folder of the images, "digits" for the bundled ones, or a whole configuration.
        progress: Shows how far it is; by default on stderr, with the messages that netwright logs meanwhile.
        **options: With a folder, anything that `DesignConfig.from_options` takes, by the names of the flags.

    Raises:
        DataError, SpaceError, RecipeError, OutputError: Before any training.
        PopulationError: The folder holds the work of another configuration, or every trial failed.
    """
    config = _config(config, "data_dir", options)
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
    advice = advise(space, before, policy=config.policy, refine_from=config.refine_from, seed=config.seed)
    advice, second = draw_refined(advice, space, config.confirming, config.seed + 1, first)
    if (sampled := _sampled_before(out / "refined")) is not None and (was := refined_before(advice, space, sampled)):
        advice, second = was, draw(was.space, config.confirming, config.seed + 1, exclude=first.batch)
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


def sweep(
    config: DesignConfig | DesignSpace | str | Path = "regnetx", progress: NullProgress | None = None, **options: Any
) -> dict[str, int]:
    """Sample a design space and train the population in the folder `out`: what `netwright sweep` runs.

        netwright.sweep("regnetx", data_dir="photos", max_flops=40e6, trials=100, out="runs/photos")

    Args:
        config: The design space, its name or its YAML file; or a whole configuration.
        progress: Shows how far it is; by default on stderr.
        **options: With a space, anything that `DesignConfig.from_options` takes; `out` is required.

    Returns:
        State of a trial -> number of trials.

    Raises:
        DataError, SpaceError, RecipeError, OutputError: Before any training.
        PopulationError: The folder holds another population.
    """
    if not isinstance(config, DesignConfig):
        if "out" not in options:
            raise RecipeError("a sweep keeps its population in a folder, and none is named. Give 'out'.")
        options = {"trials": SWEEP_TRIALS} | options
    config = _config(config, "space", options)
    progress = progress or Progress()
    with progress:
        prepared = prepare(config, progress)
        space = prepared.space
        sample = draw(space, config.trials, config.seed)
        with prepared.executor, prepared.population(config.out, space, sample, config.seed) as population:
            prepared.train(population, space.name)
            return population.counts()


def _config(config: DesignConfig | DesignSpace | str | Path, first: str, options: dict[str, Any]) -> DesignConfig:
    """A configuration as it is, or one of its first option and the others by name."""
    if not isinstance(config, DesignConfig):
        return DesignConfig.from_options(**{first: config} | options)
    if options:
        raise RecipeError(f"a DesignConfig has all options itself. Put {', '.join(options)} into it.")
    return config


def _first_sample(prepared: PreparedDesign) -> Sample:
    """SpaceError where the space has no room for a second sample, to confirm with."""
    config = prepared.config
    try:
        draw(prepared.space, config.trials + config.confirming, config.seed)
    except SpaceError as error:
        raise SpaceError(f"{config.trials} networks, and {config.confirming} more to confirm with: {error}") from error
    return draw(prepared.space, config.trials, config.seed)


def _sampled_before(folder: Path) -> DesignSpace | None:
    """The refined space of a design that is continued; a version of before may have refined in another way."""
    if not (folder / FILE).exists():
        return None
    with Population.open(folder) as population:
        return DesignSpace.from_dict(population.identity["space"])


def _refuse_other(config: DesignConfig) -> None:
    """Once the space is refined, the configuration is fixed: more trials, say, would have refined it differently."""
    folder = config.out / "refined"
    if not (folder / FILE).exists():
        return
    with Population.open(folder) as population:
        # a design of version 0.1 goes on by the same command, which says nothing of a policy: there was none to choose
        by_default = (config.policy, config.refine_from) == (DEFAULT, REFINE_FROM)
        then = (config.policy, config.refine_from) if by_default else (BEFORE, BEFORE_FROM)
        old = {"policy": then[0], "refine_from": then[1]} | population.notes.get(_CONFIG, {})
        lines = difference(old, json.loads(json.dumps(config.lasting())))
    if lines:
        raise PopulationError(
            f"the design in {config.out} was begun with other options, and its space is refined already:\n  "
            + "\n  ".join(lines)
            + "\nGive the same to resume it, or choose another folder (--out) to start over."
        )
