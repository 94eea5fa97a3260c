"""What a budget of time buys: resolution, networks, epochs and final trainings, for these images on this machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netwright.analysis.policy import REFINE_FROM
from netwright.options import duration_in_words
from netwright.system.plural import count
from netwright.workflow.opponent_names import IN_WORDS
from netwright.workflow.rungs import RUNG_SHARE, Rung, plan_rungs, rungs_in_words, rungs_seconds
from netwright.workflow.speed import Speed

__all__ = [
    "FINAL_SHARE",
    "LEAST_EPOCHS",
    "REPORT_SECONDS",
    "Candidate",
    "Plan",
    "Survey",
    "final_plan",
    "make_plan",
    "plan_in_words",
    "seeds_within",
]

FINAL_SHARE = 0.65  # of the time for training; few epochs rank networks, and only many make one good
LEAST_EPOCHS = 3  # of a final training, however late it is
REPORT_SECONDS = 8.0  # for the report and what is written, beside a hundredth of the budget

_RANKED = 16  # networks that are trained before any is trained for more epochs
_RANKED_FIRST = 24  # of them, where the best go on: more networks are then worth more than epochs (docs/log.md)
_EPOCHS = (3, 10)  # of a trial
_LEAST_TRIALS = 8  # fewer at a high resolution are worth less than these at a lower one
_MOST_TRIALS = 160
_REFINED = 40  # networks from which on a part of them confirms a refinement
_LEAST_CONFIRMING = 8
_SEEN = (120_000, 400_000)  # images that a final training sees: enough for a resolution, and as many as help
_ALIKE = 1.25  # times as long for an image, which is worth a larger one
_FINAL_EPOCHS = (8, 60), (30, 200)  # bounds of the epochs that these make
_MOST_SEEDS = 3
_FEWEST_IMAGES = 2500  # that trials are trained on where all would take too long
# points of accuracy that are lacking: these over the root of the images seen, and over that of the share of the flops
# that networks have by default. By Muon, at 128 pixels: 180M flops 76.2% after 33,000 images and 78.4% after 99,000,
# 60M flops 75.2% after 61,000 (docs/log.md); SGD needs about twice as many
_BY_IMAGES, _BY_FLOPS = 950.0, 3.8


@dataclass(frozen=True)
class Survey:
    """The images that a plan is for: their number in each split."""

    train: int
    validation: int
    test: int

    @property
    def trained(self) -> int:
        """Images of a final training."""
        return self.train + self.validation


@dataclass(frozen=True)
class Candidate:
    """A size of image and of network that could be chosen.

    Attributes:
        resolution: Pixels a side.
        flops: Within which networks are drawn; None where other limits stand.
        speed: Of its networks on this machine.
        share: Of the flops that networks for such images have by default.
        space: The name of their space; None for that of the configuration.
    """

    resolution: int
    flops: tuple[float, float] | None
    speed: Speed
    share: float = 1.0
    space: str | None = None


@dataclass(frozen=True)
class Plan:
    """What is trained, and for how long.

    Attributes:
        candidate: The size of images and networks.
        trials: Networks of the space.
        confirm_trials: Networks of the refined space; 0 where there are too few to refine it.
        epochs: Of each of them.
        train_images: Images that trials use; None for all.
        final_epochs: Of the pick and the baseline.
        final_seeds: Trainings of each.
        seconds: Of the search, of the confirmation and of the final training.
        is_final_good: Whether the final trainings see images enough for that resolution.
        final_images: That a final training sees, each as often as there are epochs.
        images: That trials are trained and judged on, where nothing takes a part of them.
        rungs: On which the best networks go on.
        rung_seconds: That these take.
        opponents: Of the pick, beside the baseline, by their roles.
    """

    candidate: Candidate
    trials: int
    confirm_trials: int
    epochs: int
    train_images: int | None
    final_epochs: int
    final_seeds: int
    seconds: tuple[float, float, float]
    is_final_good: bool
    final_images: int = 0
    rungs: tuple[Rung, ...] = ()
    rung_seconds: float = 0.0
    opponents: tuple[str, ...] = ()
    images: int = 0

    @property
    def is_good(self) -> bool:
        """Whether there is time enough for images of that size."""
        return self.trials + self.confirm_trials >= _LEAST_TRIALS and self.is_final_good

    @property
    def shortfall(self) -> float:
        """Points of accuracy that more epochs and larger networks would give, roughly; it only compares plans."""
        share = self.candidate.share
        return _BY_IMAGES / math.sqrt(max(self.final_images, 1)) + _BY_FLOPS / math.sqrt(share)


def make_plan(
    seconds: float,
    survey: Survey,
    candidates: Sequence[Candidate],
    workers: int,
    given: Mapping[str, Any],
    *,
    final_cost: float = 1.0,
) -> Plan:
    """The plan for the largest images for which there is time enough, or for the quickest ones: of those that take
    about as long, as with flops that somebody gave, the largest.

    Of several sizes of networks for these images it is the one whose final training is the best by what is known: more
    epochs of a smaller network are often worth more than a large one's few (`Plan.shortfall`).

    Args:
        seconds: For training.
        survey: The images.
        candidates: From the best to the quickest.
        workers: Trials at a time.
        given: Values of options that the plan keeps: trials, confirm_trials, epochs, train_images, final_epochs and
            final_seeds.
        final_cost: How much longer a final training takes for an image than a trial.
    """
    plans = [_plan(seconds, survey, each, workers, given, final_cost) for each in candidates]
    good = [plan for plan in plans if plan.is_good]
    if not good:
        quickest = min(plan.candidate.speed.train for plan in plans)
        return next(plan for plan in plans if plan.candidate.speed.train <= _ALIKE * quickest)
    alike = [plan for plan in good if plan.candidate.resolution == good[0].candidate.resolution]
    return min(alike, key=lambda plan: plan.shortfall)


def _plan(
    seconds: float,
    survey: Survey,
    candidate: Candidate,
    workers: int,
    given: Mapping[str, Any],
    final_cost: float,
) -> Plan:
    speed = candidate.speed
    final_speed = Speed(final_cost * speed.train, speed.evaluate)
    final_epochs, final_seeds, final, opponents = _finals(FINAL_SHARE * seconds, survey, final_speed, workers, given)
    room = max(seconds - final, (1 - FINAL_SHARE) * seconds) * workers  # of the search, in seconds of workers
    few = _few_images(room, survey, speed, given)
    trained, judged = (survey.train, survey.validation) if few is None else (int(0.8 * few), int(0.2 * few))
    epoch = speed.train * trained + speed.evaluate * judged
    rungs: tuple[Rung, ...] = ()
    for share, ranked in ((RUNG_SHARE, _RANKED_FIRST), (0.0, _RANKED)):
        own = (1 - share) * room
        most = min(_EPOCHS[1], *(rung.epochs - 1 for rung in given.get("rungs", ())[:1]), 10**6)
        epochs = given.get("epochs") or max(1, int(min(max(own / (epoch * ranked), _EPOCHS[0]), most)))
        trials, confirming = _shared(max(min(int(own / (epochs * epoch)), _MOST_TRIALS), 2), given, workers)
        rungs = given.get("rungs", ())
        if share and "rungs" not in given:
            rungs = plan_rungs(share * room / epoch, trials + confirming, epochs, final_epochs, judged)
        if rungs:
            break
    search, confirm = (math.ceil(many / workers) * epochs * epoch for many in (trials, confirming))
    good = min(max(_SEEN[0] / survey.trained, _FINAL_EPOCHS[0][0]), _FINAL_EPOCHS[0][1])
    return Plan(
        candidate,
        trials,
        confirming,
        epochs,
        few,
        final_epochs,
        final_seeds,
        (search, confirm, final),
        final_epochs >= good or "final_epochs" in given,
        final_epochs * survey.trained,
        rungs,
        rungs_seconds(rungs, epochs, epoch, workers),
        opponents,
        survey.trained,
    )


def _finals(
    seconds: float, survey: Survey, speed: Speed, workers: int, given: Mapping[str, Any]
) -> tuple[int, int, float, tuple[str, ...]]:
    """Epochs, seeds and seconds of the final trainings, and the opponents; those that nobody gave take no epochs."""
    opponents: tuple[str, ...] = given.get("opponents", ())
    epochs, seeds, final = final_plan(seconds, survey, speed, speed, workers, given, [speed] * len(opponents))
    if "opponents" not in given:
        more = final_plan(seconds, survey, speed, speed, workers, given, [speed])
        if more[:2] == (epochs, seeds) and more[2] <= seconds:
            return *more, ("resnet18",)
    return epochs, seeds, final, opponents


def _few_images(room: float, survey: Survey, speed: Speed, given: Mapping[str, Any]) -> int | None:
    """On how many images trials are trained so that there are a dozen; None for all."""
    if "train_images" in given:
        return given["train_images"]  # type: ignore[no-any-return]
    whole = (given.get("epochs") or _EPOCHS[0]) * (speed.train * survey.train + speed.evaluate * survey.validation)
    share = room / (1.5 * _LEAST_TRIALS * whole)
    few = max(_FEWEST_IMAGES, int(share * survey.trained) // 100 * 100)
    return few if share < 1 and few < survey.trained else None


def _shared(many: int, given: Mapping[str, Any], workers: int) -> tuple[int, int]:
    """So many networks, as (of the space, of the refined space)."""
    if "trials" in given or "confirm_trials" in given:
        trials = given.get("trials") or max(1, many - given["confirm_trials"])
        return trials, given.get("confirm_trials") or (max(8, trials // 2) if trials >= REFINE_FROM else 0)
    if many < _REFINED:  # whether these matter could not be told: all of them are candidates
        many = min(many, REFINE_FROM - 1)
        return max(many // workers * workers, min(many, 2)), 0
    trials = max(REFINE_FROM, 2 * many // 3)
    return trials, max(_LEAST_CONFIRMING, many - trials)


def final_plan(
    seconds: float,
    survey: Survey,
    pick: Speed,
    baseline: Speed,
    workers: int,
    given: Mapping[str, Any],
    others: Sequence[Speed] = (),
) -> tuple[int, int, float]:
    """The final trainings that fit: (epochs, seeds, seconds that they take).

    More seeds are trained where workers would be idle, and once more epochs no longer help. others: speeds of further
    opponents.
    """
    networks = (pick, baseline, *others)
    most = min(max(_SEEN[1] / survey.trained, _FINAL_EPOCHS[1][0]), _FINAL_EPOCHS[1][1])
    asked = given.get("final_seeds")
    choices = [asked] if asked else range(1, _MOST_SEEDS + 1)
    best: tuple[int, int, float] | None = None
    for seeds in choices:
        epoch = _makespan([each.train for each in networks for _ in range(seeds)], workers) * survey.trained
        test = _makespan([each.evaluate for each in networks for _ in range(seeds)], workers) * survey.test
        epochs = given.get("final_epochs") or int(min(max((seconds - test) / epoch, LEAST_EPOCHS), most))
        found = (epochs, seeds, epochs * epoch + test)
        # another seed is for what is left over, and costs no epochs worth having
        if best is None or (epochs >= 0.9 * best[0] and found[2] <= 1.02 * seconds):
            best = found
    assert best is not None
    return best


def _makespan(lengths: Sequence[float], workers: int) -> float:
    """When the last of these ends that workers take in order."""
    free = [0.0] * workers
    for length in lengths:
        first = free.index(min(free))
        free[first] += length
    return max(free)


def seeds_within(
    seconds: float, epochs: int, survey: Survey, pick: Speed, baseline: Speed, workers: int, most: int = _MOST_SEEDS
) -> int:
    """How many more seeds of each are trained within some seconds."""
    for seeds in range(most, 0, -1):
        image = _makespan([pick.train] * seeds + [baseline.train] * seeds, workers)
        test = _makespan([pick.evaluate] * seeds + [baseline.evaluate] * seeds, workers)
        if image * epochs * survey.trained + test * survey.test <= seconds:
            return seeds
    return 0


def plan_in_words(
    plan: Plan, *, budget: float, images: str, workers: int, threads: int, others: float, recipe: str = ""
) -> list[str]:
    """Lines that say the plan before it is begun.

    Args:
        plan: The plan.
        budget: Seconds in all.
        images: What they are.
        workers: Trials at a time.
        threads: Of each.
        others: Seconds of all that is not training.
        recipe: What final trainings have otherwise than trials.
    """
    at, size = plan.candidate.resolution, ""
    if plan.candidate.flops is not None:
        low, high = (f"{value / 1e6:.3g}M" for value in plan.candidate.flops)
        size = f", networks of {low} to {high} flops"
    if plan.candidate.space is not None:
        size += f" of the space {plan.candidate.space}, which are quicker here"
    on = "" if plan.train_images is None else f" on {plan.train_images:,} of the images"
    search, confirm, final = (duration_in_words(seconds) for seconds in plan.seconds)
    confirming = f"  2/3 {count(plan.confirm_trials, 'network')} of the refined space, likewise: about {confirm}"
    if not plan.confirm_trials:
        confirming = (
            f"  2/3 nothing: a space is narrowed from {REFINE_FROM} networks on, for which there is no time here"
        )
    each = "one training each" if plan.final_seeds == 1 else f"{plan.final_seeds} trainings each"
    whole = sum(plan.seconds) + plan.rung_seconds + others
    rungs = (
        [f"      then {rungs_in_words(plan.rungs)}: about {duration_in_words(plan.rung_seconds)}"] if plan.rungs else []
    )
    against = ["the best", IN_WORDS["baseline"], *(IN_WORDS[role] for role in plan.opponents)]
    compared = f"{', '.join(against[:-1])} and {against[-1]}"
    return [
        f"the plan for {duration_in_words(budget)} on {count(workers, 'worker')} of {count(threads, 'thread')}:",
        f"  {images} at {at} pixels{size}; an image takes {1000 * plan.candidate.speed.train:.2g} ms to train on",
        f"  1/3 {count(plan.trials, 'network')} for {count(plan.epochs, 'epoch')} each{on}: about {search}",
        confirming,
        *rungs,
        f"  3/3 {compared}, {count(plan.final_epochs, 'epoch')}, {each}: about {final}",
        *([f"      their recipe: {recipe}; --final_recipe FILE replaces it"] if recipe else []),
        f"  with decoding, measuring and the report: about {duration_in_words(whole)}. Each step is planned anew from "
        "the time that is left",
    ]
