"""From a configuration and a budget of time to one whose every value is chosen: survey, measurement, plan, words."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from netwright.data import cut_splits, open_source
from netwright.data.shape import ImageShape, choose_shape
from netwright.data.summarize import summarize
from netwright.data.summary import DataSummary
from netwright.errors import PopulationError
from netwright.options import duration_in_words
from netwright.population import FILE
from netwright.recipe import Recipe
from netwright.sweeps import default_workers
from netwright.system.atomic import require_writable
from netwright.system.run_folder import mark_run_folder
from netwright.workflow.budgeted import BATCHES
from netwright.workflow.candidates import measured_candidates
from netwright.workflow.config import LIMITS, DesignConfig
from netwright.workflow.final_recipe import ImageFacts, final_values, in_words, relative_cost, trial_values
from netwright.workflow.latency import measuring_seconds
from netwright.workflow.ledger import Ledger
from netwright.workflow.opponent_names import given_opponents
from netwright.workflow.over_budget import over_budget_in_words
from netwright.workflow.plan import REPORT_SECONDS, Candidate, Plan, Survey, make_plan, plan_in_words
from netwright.workflow.rungs import by_default, read_rungs, rungs_seconds

__all__ = ["DEFAULT_SECONDS", "applied", "planned"]

_LOG = logging.getLogger(__name__)

DEFAULT_SECONDS = 1800.0  # a design that nobody limited should be one that somebody waits for
_MEASURE_SHARE, _MEASURE_SECONDS = 0.03, (5.0, 20.0)  # of the budget, for measuring
_PLANNED = ("trials", "confirm_trials", "epochs", "train_images", "final_epochs", "final_seeds")


def planned(
    config: DesignConfig, announce: Callable[[DataSummary], None] | None = None
) -> tuple[DesignConfig, Ledger | None]:
    """The configuration with what was or is now planned, and the ledger of its time; None where nothing is planned.

    Args:
        config: What was given.
        announce: Called with what the images are, before a first plan.

    Raises:
        DataError, SpaceError, RecipeError: As `prepare` does.
        PopulationError: The speed of the machine cannot be measured, or a kept plan cannot be read.
    """
    ledger = Ledger.open(config.out)
    if ledger is not None:
        return _continued(config, ledger)
    if config.seconds is None and (not config.is_open or (config.out / FILE).exists()):
        return config, None
    if (config.out / FILE).exists():
        raise PopulationError(
            f"the design in {config.out} was begun without a budget, and continues with more --trials, --epochs, "
            "--final_epochs or --final_seeds. Leave out --budget, or choose another folder (--out)."
        )
    return _first(config, announce)


def applied(config: DesignConfig, choices: dict[str, Any]) -> DesignConfig:
    """The configuration with the choices of a plan, wherever nothing was given."""
    fixed = config.fixed
    recipe = {name: value for name, value in choices.get("recipe", {}).items() if name not in fixed}
    own: dict[str, Any] = {name: tuple(value) if name in LIMITS and value else value for name, value in choices.items()}
    own = {name: value for name, value in own.items() if name != "recipe" and name not in fixed}
    return replace(config, **own, recipe=recipe | dict(config.recipe), planned=tuple(recipe))


def _continued(config: DesignConfig, ledger: Ledger) -> tuple[DesignConfig, Ledger | None]:
    """A design that was planned in an earlier session."""
    finished = bool(ledger.facts.get("finished"))
    if config.seconds is None and finished:
        return applied(config, ledger.choices), None
    if config.seconds is not None and ledger.budget is not None and config.seconds > ledger.budget:
        _LOG.info("the budget grows from %s", duration_in_words(ledger.budget))
        _grow(config, ledger, config.seconds - ledger.budget)
    ledger.budget = ledger.budget if config.seconds is None else config.seconds
    if ledger.budget is not None:
        _LOG.info(
            "of the budget of %s, %s are spent; the design continues with the rest",
            duration_in_words(ledger.budget),
            duration_in_words(ledger.spent),
        )
    ledger.save()
    return applied(config, ledger.choices), ledger if ledger.budget is not None else None


def _grow(config: DesignConfig, ledger: Ledger, seconds: float) -> None:
    """Plan more networks for a part of more time; the rest is for the final trainings."""
    kept, share = ledger.facts, 0.4
    trial = float(kept["trial_seconds"])
    if "trials" not in config.fixed and not (config.out / "refined" / FILE).exists():
        more = int(share * seconds * kept["workers"] / trial)
        ledger.choices["trials"] = ledger.choices.get("trials", config.trials) + more
    for name in ("final_epochs", "final_seeds", "rungs", "opponents"):
        ledger.choices.pop(name, None)
    ledger.facts["finished"] = False


def _first(config: DesignConfig, announce: Callable[[DataSummary], None] | None) -> tuple[DesignConfig, Ledger | None]:
    ledger = Ledger(config.out, config.seconds, {}, {})
    require_writable(config.out, what="the results", elsewhere="another --out")
    mark_run_folder(config.out)  # before the plan is in it
    source = open_source(config.data_dir)
    splits = cut_splits(source, config.seed)
    if announce is not None:
        parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
        announce(summarize(source, parts, splits.provenance, to_train=True))
    survey = Survey(len(splits.train), len(splits.validation), len(splits.test))
    shape = choose_shape(source, splits.train, config.resolution, config.in_channels)
    device, workers = _machine(config)
    limit = config.seconds or DEFAULT_SECONDS
    seconds = min(max(_MEASURE_SHARE * limit, _MEASURE_SECONDS[0]), _MEASURE_SECONDS[1])
    facts = ImageFacts(survey.trained, shape.resolution, shape.flip_suits)
    recipe = {name: value for name, value in trial_values(facts, config.recipe).items() if name not in config.fixed}
    trial = _resolved(config, recipe | dict(config.recipe), survey, shape, device)
    candidates, start = measured_candidates(config, source, shape, trial, (workers, device, seconds))
    given = {name: getattr(config, name) for name in _PLANNED if name in config.fixed} | given_rungs(config)
    # workers start, and once more two networks are measured
    others = ledger.spent + 2 * start + REPORT_SECONDS + 0.01 * limit + 0.001 * len(source.labels)
    others += measuring_seconds(config)
    if config.seconds is None:
        if _defaults_are_quick(config, candidates[0].resolution, _by_default(config, survey, candidates[0], workers)):
            return config, None
        ledger.budget = DEFAULT_SECONDS

    def final(epochs: int) -> Recipe:
        own = dict(config.recipe) | config.final_values
        made = recipe | final_values(facts, epochs, own) | own
        return _resolved(config, made, survey, shape, device)

    cost = relative_cost(final(config.final), trial)
    plan = make_plan(max(limit - others, 0.2 * limit), survey, candidates, workers, given, final_cost=cost)
    lines = plan_in_words(
        plan,
        budget=limit,
        images=f"{len(source.labels):,} images of {len(source.class_names)} classes",
        workers=workers,
        threads=config.threads,
        others=others,
        recipe=in_words(final(plan.final_epochs), trial),
    )
    kept = tuple(name for name in (*_PLANNED, "resolution", *LIMITS) if name in config.fixed)
    for line in lines:
        _LOG.info("%s", line)
    for line in over_budget_in_words(plan, budget=limit, others=others, given=kept):
        _LOG.warning("%s", line)
    choices = _choices(config, plan, recipe)
    ledger.facts = _facts(plan, survey, workers) | {"start": start}
    ledger.choose(**choices)
    return applied(config, ledger.choices), ledger


def _defaults_are_quick(config: DesignConfig, resolution: int, seconds: float) -> bool:
    """Whether the defaults are done within what anyone waits for; how long they would take is logged."""
    if seconds <= DEFAULT_SECONDS:
        _LOG.info("this takes about %s here (--budget, such as 20m, changes it)", duration_in_words(seconds))
        return True
    _LOG.info(
        "with the defaults (%d networks, %d epochs, %d pixels) this would take about %s here, so less is done: "
        "--budget 2h makes more of it, and --trials with --epochs decides for yourself",
        config.trials,
        config.epochs,
        resolution,
        duration_in_words(seconds),
    )
    return False


def _choices(config: DesignConfig, plan: Plan, recipe: dict[str, Any]) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        "resolution": plan.candidate.resolution,
        "trials": plan.trials,
        "confirm_trials": plan.confirm_trials or None,
        "epochs": plan.epochs,
        "train_images": plan.train_images,
        "recipe": recipe,
    }
    if plan.candidate.flops is not None:
        chosen["flops"] = plan.candidate.flops
    if plan.candidate.space is not None:
        chosen["space"] = plan.candidate.space
    return {name: value for name, value in chosen.items() if name not in config.fixed}


def given_rungs(config: DesignConfig) -> dict[str, Any]:
    """Rungs and opponents that were given, which a plan keeps."""
    found: dict[str, Any] = {}
    if (rungs := read_rungs(config.rungs, config.epochs if "epochs" in config.fixed else 0)) is not None:
        found["rungs"] = rungs
    if (opponents := given_opponents(config.opponents, config.against, config.pretrained)) is not None:
        found["opponents"] = opponents
    return found


def _facts(plan: Plan, survey: Survey, workers: int) -> dict[str, Any]:
    search, confirm, final = plan.seconds
    networks = plan.trials + plan.confirm_trials
    return {
        "images": {"train": survey.train, "validation": survey.validation, "test": survey.test},
        "workers": workers,
        "seconds": {"search": search, "confirm": confirm, "rungs": plan.rung_seconds, "final": final},
        "trial_seconds": (search + confirm) * workers / max(networks, 1),
        "final_epochs": plan.final_epochs,
        "final_seeds": plan.final_seeds,
    }


def _machine(config: DesignConfig) -> tuple[str, int]:
    """The first device, and how many workers train at a time."""
    from netwright.training import devices, resolve_device

    names = devices() if config.device == "auto" else (str(resolve_device(config.device)),)
    return names[0], config.workers or default_workers(config.threads, names)


def _resolved(config: DesignConfig, values: dict[str, Any], survey: Survey, shape: ImageShape, device: str) -> Recipe:
    """The recipe of these values."""
    from netwright.training import bf16_helps, resolve_device

    batch = next(size for least, size in BATCHES if survey.train >= least)
    given = {"batch_size": batch} | values | {"epochs": config.epochs}
    helps = bf16_helps(resolve_device(device))
    recipe = Recipe().with_(**given)
    return recipe.resolve(resolution=shape.resolution, flip_suits=shape.flip_suits, bf16_helps=helps)


def _by_default(config: DesignConfig, survey: Survey, candidate: Candidate, workers: int) -> float:
    """Seconds that the configuration takes as it stands."""
    speed = candidate.speed
    images = survey.train if config.train_images is None else min(survey.train, config.train_images)
    epoch = speed.train * images + speed.evaluate * survey.validation
    trials = math.ceil(config.trials / workers) + math.ceil(config.confirming / workers)
    finals = math.ceil(2 * config.final_seeds / workers) * config.final * speed.train * survey.trained
    rungs = by_default(config.rungs, config.epochs, config.final, config.trials + config.confirming, survey.validation)
    more = rungs_seconds(rungs, config.epochs, epoch, workers)
    return trials * config.epochs * epoch + more + finals + REPORT_SECONDS
