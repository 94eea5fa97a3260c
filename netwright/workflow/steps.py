"""The guided design, step by step, and its first step alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from netwright.analysis.refine import Advice, advise, draw_refined, refined_before
from netwright.analysis.summary import view
from netwright.data.summarize import announcer
from netwright.errors import RecipeError, SpaceError
from netwright.population import FILE, Population
from netwright.space import DesignSpace, Sample, UnionSpace
from netwright.sweeps import LEASE, NullProgress, Progress, default_workers
from netwright.workflow.again import kept_options
from netwright.workflow.baseline import baseline_for
from netwright.workflow.config import SWEEP_TRIALS, DesignConfig
from netwright.workflow.continuing import CONFIG, kept_config, refuse_other
from netwright.workflow.estimating import estimate_text, time_budget
from netwright.workflow.final_recipe import in_words
from netwright.workflow.final_training import train_finalists, with_kept_recipe
from netwright.workflow.guided import OWN, check_sampler, guided_sweep
from netwright.workflow.held_out import measure_held_out
from netwright.workflow.late import UNCONFIRMED
from netwright.workflow.latency import with_latency
from netwright.workflow.opponents import opponents_of, own_networks
from netwright.workflow.pace import Pace
from netwright.workflow.picking import pick_network, rungs_of
from netwright.workflow.planning import planned
from netwright.workflow.prepare import PreparedDesign, prepare
from netwright.workflow.pruning import NONE, check_pruner, pruning_of
from netwright.workflow.repeats import check_repeats
from netwright.workflow.result import DesignResult, conclude
from netwright.workflow.rungs import Rung, rungs_cost
from netwright.workflow.selection import refuse_failure
from netwright.workflow.sharing import check_shared, is_added, share_prepared, trials_in
from netwright.workflow.stage import Stage

__all__ = ["design", "sweep"]

_LOG = logging.getLogger(__name__)

_GIVEN = "The space as given"


def design(
    config: DesignConfig | str | Path = "digits",
    progress: NullProgress | None = None,
    *,
    continued: str | Path | None = None,
    **options: Any,
) -> DesignResult:
    """From images and a budget to a selected network: what `netwright design` runs.

    Called again with the same arguments, it continues where it was interrupted; with more trials, epochs or final
    seeds, or a larger budget, it goes on from what can be used again. Everything finished is in the folder `out` at any
    moment.

        netwright.design("photos", max_flops=40e6, trials=24, out="runs/photos")

    Args:
        config: The folder of the images, "digits" for the bundled ones, or a whole configuration.
        progress: Shows how far it is; by default on stderr, with the messages that netwright logs meanwhile.
        continued: The folder of a design that goes on with what it was given then. Options that are given now replace
            those; a budget is what a finished design may take on top of what it had.
        **options: With a folder, anything that `DesignConfig.from_options` takes, by the names of the flags.

    Raises:
        DataError, SpaceError, RecipeError, OutputError: Before any training.
        PopulationError: The folder holds the work of another configuration, or every trial failed.
    """
    if continued is not None:
        options = kept_options(continued, options)
    given = {"data_dir": config} | options if not isinstance(config, DesignConfig) else {}
    config = _config(config, "data_dir", options)
    progress = progress or Progress()
    with progress:
        announce = announcer(_LOG)
        config, ledger = planned(config, announce)
        refuse_other(config)
        pace = None if ledger is None else Pace(ledger, progress)
        with nullcontext() if ledger is None else ledger.running():
            prepared = prepare(config, progress if pace is None else pace.progress, announce)
            _refuse_drawn(prepared.space)
            prepared = replace(prepared, options=given)
            with prepared.executor, prepared.latency or nullcontext():
                result = _design(prepared, pace)
            if pace is not None:
                pace.finish()
            return result


def _refuse_drawn(space: DesignSpace) -> None:
    """SpaceError for a space whose networks are not all trained alike."""
    if isinstance(space, UnionSpace):
        raise SpaceError(
            f"a design refines one space, and {space.name!r} is a union of {len(space.members)}. Study it by "
            "`netwright sweep`, `analyze` and `refine`, and give design one of its members."
        )
    names = [each.name for each in (*space.recipe, *space.drawn_setting)]
    if space.recipe or "resolution" in names:
        drawn = ", ".join(names)
        alike = "with one recipe" if space.recipe else "on images of one size"
        raise SpaceError(
            f"a design trains all networks and the baseline {alike}, and {space.name!r} draws {drawn}. Study "
            "it by `netwright sweep` and `netwright refine`, and give design a space without them."
        )


def _design(prepared: PreparedDesign, pace: Pace | None) -> DesignResult:
    own = own_networks(prepared.config, prepared.images)  # what is wrong with them is said before any training
    config, space, out = prepared.config, prepared.space, prepared.config.out
    _require_room(prepared)
    rungs = rungs_of(prepared, config.trials + config.confirming) if pace is None else ()
    first = Stage(out, space, config.seed, f"1/3 {space.name}", lambda many: prepared.draw(space, many, config.seed))
    _expect(prepared, config.trials if config.trials >= config.refine_from else 0, rungs)
    sample, before = first.train(prepared, config.trials, pace, ("confirm", "final"))
    if len(before) < config.trials:  # there was no time for more
        prepared = replace(prepared, config=(config := replace(config, trials=len(before))))
    refuse_failure(before)
    advice = advise(space, before, policy=config.policy, refine_from=config.refine_from, seed=config.seed)
    advice, second = _second_stage(prepared, advice, sample)
    for decision in advice.decisions:
        _LOG.info("%s", decision)
    frames, views = {space.name: before}, [view(space.name, before, space, sample.rejection_counts, _GIVEN)]
    if second is not None and not _is_in_time(prepared, pace, second):
        advice, second = replace(advice, decisions=(*advice.decisions, UNCONFIRMED)), None
        _LOG.info("2/3 %s: %s", advice.space.name, UNCONFIRMED)
    if second is not None:
        _expect(prepared, 0, rungs)
        fresh, after = second.train(prepared, _confirming(prepared, advice), pace, ("final",))
        heading = "The refined space" if _is_narrowed(advice, space) else "The same space, sampled again"
        frames[advice.space.name] = after
        views.append(view(advice.space.name, after, advice.space, fresh.rejection_counts, heading))
    picked = pick_network(prepared, pace, frames)
    for sentence in picked.decisions:
        _LOG.info("%s", sentence)
    pick = picked.arch
    baseline = baseline_for(pick, space.limits.get("flops", (0.0, float("inf")))[1])
    if pace is not None:
        prepared = pace.final(prepared, pick, baseline, frames, has_weights=picked.weights is not None)
    prepared.progress.expect(None)
    prepared = with_kept_recipe(prepared, pick, baseline)
    _LOG.info("the recipe of pick and baseline: %s", in_words(prepared.final_recipe, prepared.recipe))
    opponents = opponents_of(prepared, frames, picked, own, baseline)
    for sentence in opponents.sentences:
        _LOG.info("%s", sentence)
    networks = {"pick": pick, "baseline": baseline, **opponents.networks}
    finalists = with_latency(prepared.latency, train_finalists(prepared, networks, opponents.starts))
    held_out = None
    if picked.weights is not None or pace is None or pace.shows(prepared, pick, frames):
        held_out = measure_held_out(prepared, pick, frames, picked.weights, picked.rungs[-1:])
    return conclude(prepared, advice, tuple(views), finalists, picked, held_out, opponents.sentences)


def _second_stage(prepared: PreparedDesign, advice: Advice, sample: Sample) -> tuple[Advice, Stage | None]:
    """The networks of the refined space, and the advice as it is then; no stage where nothing is narrowed.

    What an earlier session sampled stays: where more trials would refine the space in another way now, where another
    version did, or where it sampled the same space again.
    """
    config, space = prepared.config, prepared.space
    then = int(kept_config(config.out).get("trials", len(sample.batch)))
    earlier = sample if then >= len(sample.batch) else prepared.draw(space, then, config.seed)
    sampled = _sampled_before(config.out / "refined")
    if sampled is None and not _is_narrowed(advice, space):
        return _skipped(advice), None
    proposed, _ = draw_refined(advice, space, config.confirming, config.seed + 1, earlier, prepared.draw_unmeasured)
    if sampled is None and not _is_narrowed(proposed, space):
        return _skipped(proposed), None
    if sampled is not None and (was := refined_before(proposed, space, sampled)):
        proposed = was
        if then < len(sample.batch):
            said = (
                f"The space was refined when it had {then} networks; networks of the refined one are trained already."
            )
            proposed = replace(was, decisions=(said, *was.decisions[1:]))
    refined, seed = proposed.space, config.seed + 1
    stage = Stage(
        config.out / "refined",
        refined,
        seed,
        f"2/3 {refined.name}",
        lambda many: prepared.draw(refined, many, seed, exclude=earlier.batch),
        {CONFIG: config.lasting() | {"trials": then}},
    )
    return proposed, stage


def _is_in_time(prepared: PreparedDesign, pace: Pace | None, second: Stage) -> bool:
    if pace is None:
        return True
    config = prepared.config
    return pace.confirms(trials_in(second.folder), config.workers or default_workers(config.threads, prepared.devices))


def _skipped(advice: Advice) -> Advice:
    said = "A second sample of the same space would confirm nothing, so none is trained: more --trials are of more use."
    return replace(advice, decisions=(*advice.decisions, said))


def _is_narrowed(advice: Advice, space: DesignSpace) -> bool:
    return advice.space.parameters != space.parameters  # an order narrows too


def _confirming(prepared: PreparedDesign, advice: Advice) -> int:
    """Networks of the second stage; where it is a space that was not narrowed, no more than there are."""
    config = prepared.config
    if _is_narrowed(advice, prepared.space):
        return config.confirming
    with Population.open(config.out / "refined") as population:
        return len(population)


def _expect(prepared: PreparedDesign, trials: int, rungs: Sequence[Rung]) -> None:
    """Tell the progress what follows the stage that begins now. trials: of the first stage, where a second follows."""
    config, images = prepared.config, prepared.images
    confirming = config.confirming if trials else 0
    share = (len(images.train) + len(images.validation)) / len(images.train) * config.final / config.epochs
    ahead = confirming + 2 * config.final_seeds * share + rungs_cost(rungs, config.epochs) / config.epochs
    prepared.progress.expect(lambda trial, left: trial * ahead)


def sweep(
    config: DesignConfig | DesignSpace | str | Path = "regnetx",
    progress: NullProgress | None = None,
    *,
    repeats: int = 1,
    repeated: int | None = None,
    sampler: str = OWN,
    shared: bool = False,
    estimate: bool = False,
    lease: float = LEASE,
    pruner: str = NONE,
    **options: Any,
) -> dict[str, int]:
    """Sample a design space and train the population in the folder `out`: what `netwright sweep` runs.

        netwright.sweep("regnetx", data_dir="photos", max_flops=40e6, trials=100, out="runs/photos")

    Args:
        config: The design space, its name or its YAML file; or a whole configuration.
        progress: Shows how far it is; by default on stderr.
        repeats: Seeds that each network is trained with, to learn how much of the spread of errors comes from seeds.
        repeated: How many networks are trained with so many seeds, the first ones; None is all.
        sampler: Who proposes networks. space draws them independently, which statistics of the space take; random, tpe
            and gp are Optuna's: the last two learn from the errors so far.
        shared: Train nothing here: any number of machines do by `netwright.join_sweep`, from one folder.
        estimate: Train nothing: say what the waiting trials will take, from two networks that are timed.
        lease: Of a shared sweep: seconds of silence, after which a worker's trials go to others.
        pruner: Which of Optuna's ends trials early: none, median, halving or hyperband. Pruned trials are counted
            apart, and are in no statistic.
        **options: With a space, anything that `DesignConfig.from_options` takes; `out` is required.

    Returns:
        State of a trial -> number of trials, each network counted once.

    Raises:
        DataError, SpaceError, RecipeError, OutputError: Before any training.
        PopulationError: The folder holds another population.
    """
    if not isinstance(config, DesignConfig):
        if "out" not in options:
            raise RecipeError("a sweep keeps its population in a folder, and none is named. Give 'out'.")
        options = {"trials": SWEEP_TRIALS} | options
    config = _config(config, "space", options)
    check_repeats(repeats, repeated, config.trials)
    check_sampler(sampler, repeats, config.latency is not None)
    if config.seconds is not None and (shared or sampler != OWN or repeats > 1):
        raise RecipeError("a budget of time is for one program that trains a sample. Leave 'budget' out, or the other.")
    if shared:
        check_shared(repeats, sampler, pruner)
    check_pruner(pruner, config.epochs, repeats, config.executor)
    progress = progress or Progress()
    with progress:
        prepared = prepare(config, progress)
        space = prepared.space
        if sampler != OWN:
            with prepared.executor:
                return guided_sweep(prepared, sampler, pruner)
        pruning = pruning_of(config, pruner)
        made_by = {} if pruning is None else {"pruner": pruner}
        with prepared.latency or nullcontext():
            sample = prepared.draw(space, config.trials, config.seed)
        before = trials_in(config.out)
        with prepared.executor, prepared.population(config.out, space, sample, config.seed, **made_by) as population:
            if shared:
                return share_prepared(prepared, population, space.name, lease)
            if is_added(population, before):
                return population.counts()
            if estimate:
                _LOG.info("%s", estimate_text(prepared, population))
                return population.counts()
            prepared.train(population, space.name, time_budget(prepared, population, space.name), pruner=pruning)
            prepared.tell_guessing(space.name, population.errors())
            if repeats > 1:
                prepared.train(population.repeat(repeats, repeated), f"{space.name}, other seeds")
            return population.counts()


def _config(config: DesignConfig | DesignSpace | str | Path, first: str, options: dict[str, Any]) -> DesignConfig:
    """A configuration as it is, or one of its first option and the others by name."""
    if not isinstance(config, DesignConfig):
        return DesignConfig.from_options(**{first: config} | options)
    if options:
        raise RecipeError(f"a DesignConfig has all options itself. Put {', '.join(options)} into it.")
    return config


def _require_room(prepared: PreparedDesign) -> None:
    """SpaceError where the space has no room for a second sample, to confirm with."""
    config = prepared.config
    try:
        prepared.draw_unmeasured(prepared.space, config.trials + config.confirming, config.seed)
    except SpaceError as error:
        raise SpaceError(f"{config.trials} networks, and {config.confirming} more to confirm with: {error}") from error


def _sampled_before(folder: Path) -> DesignSpace | None:
    """The refined space of a design that is continued; a version of before may have refined in another way."""
    if not (folder / FILE).exists():
        return None
    with Population.open(folder) as population:
        return DesignSpace.from_dict(population.identity["space"])
