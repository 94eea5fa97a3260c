"""Keeping to a budget of time: stages in rounds, each planned from the time that is left and from what was measured."""

from __future__ import annotations

import logging
import math
import shutil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from netwright.arch import Arch
from netwright.population import FILE, Population
from netwright.sweeps import NullProgress
from netwright.sweeps.run import default_workers
from netwright.workflow.baseline import is_same_network, resnet18_like
from netwright.workflow.config import DesignConfig
from netwright.workflow.final_recipe import relative_cost
from netwright.workflow.held_out import is_measured
from netwright.workflow.late import ended_in_words, finals_in_words, unshown_in_words
from netwright.workflow.ledger import Ledger
from netwright.workflow.opponent_names import OPPONENTS, read_opponents
from netwright.workflow.plan import REPORT_SECONDS, Survey, final_plan, seeds_within
from netwright.workflow.prepare import PreparedDesign, with_final
from netwright.workflow.rungs import NONE, Rung, plan_rungs, read_rungs, rungs_in_words, rungs_seconds, to_text
from netwright.workflow.speed import Speed, measure_speeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

__all__ = ["Pace", "PacedProgress"]

_LOG = logging.getLogger(__name__)

_ROUNDS = 4  # of a stage: how often its speed is looked at
_LEAST = 4  # networks that are trained however late it is
_CLOSE = 0.95  # of what later stages were planned to take: what an earlier one leaves them at least
_EVALUATION = 0.4  # of a step of training costs an evaluation of an image, where nothing is known
_WORTH_MEASURING = 15.0  # starts of a worker that must be left before two networks are measured
_MORE_RUNGS = 1.5  # times what was planned for them: the rest is for the final trainings


class Pace:
    """What each stage trains so that the whole design ends in time.

    Args:
        ledger: Of the time and of the plan.
        progress: Where the stages show how far they are.
    """

    def __init__(self, ledger: Ledger, progress: NullProgress) -> None:
        self.ledger = ledger
        self.progress = PacedProgress(progress, ledger)

    @property
    def _left(self) -> float:
        """Seconds for training."""
        budget = self.ledger.budget or 0.0
        return self.ledger.left - min(REPORT_SECONDS + 0.01 * budget, 0.1 * budget)

    def first(self, planned: int, workers: int, folder: Path) -> int:
        """Networks of the first round of a stage: those that a session before had, or a part of all."""
        return min(planned, max(self._round(planned, workers), _held(folder)))

    def more(self, frame: pd.DataFrame, planned: int, workers: int, later: tuple[str, ...]) -> int:
        """Networks of the next round; 0 where there is no time for any.

        Args:
            frame: The population so far.
            planned: Networks of the whole stage.
            workers: Trials at a time.
            later: Stages for which time stays.
        """
        many, seconds = len(frame), frame.loc[frame["state"] == "done", "seconds"]
        if many >= planned:
            return 0
        trial = float(seconds.mean()) if len(seconds) else float(self.ledger.facts["trial_seconds"])
        room = self._left - _CLOSE * sum(self.ledger.facts["seconds"].get(name, 0.0) for name in later)
        fitting = max(int(room / max(trial, 1e-6)) * workers, _LEAST - many)
        return max(0, min(fitting, planned - many, self._round(planned, workers)))

    def stage_over(self, later: tuple[str, ...], many: int) -> None:
        """Remember how many networks the stage has, so that it is not begun again."""
        self.ledger.choose(**{"trials" if "confirm" in later else "confirm_trials": many})

    def rungs(
        self, prepared: PreparedDesign, networks: int, frames: Mapping[str, pd.DataFrame], names: Sequence[str]
    ) -> tuple[Rung, ...]:
        """The rungs that fit the time that is left beside the final trainings; those that a session before began stay.

        Args:
            prepared: The design.
            networks: Of which the best go on.
            frames: Name of a population -> its frame.
            names: Of the best networks, by their populations and trials.
        """
        config, seconds = prepared.config, self.ledger.facts["seconds"]
        if (given := read_rungs(str(self.ledger.choices.get("rungs", config.rungs)))) is not None:
            return given
        workers = config.workers or default_workers(config.threads, prepared.devices)
        planned = float(seconds.get("rungs", 0.0))
        known = [_epoch_seconds(name, frames, config.epochs) for name in names[:_LEAST]]
        room = min(self._left - _CLOSE * float(seconds["final"]), _MORE_RUNGS * planned)
        full = config.final_epochs if "final_epochs" in config.fixed else int(self.ledger.facts["final_epochs"])
        validation = len(prepared.images.validation)
        epochs = max(room, 0.0) * workers / max(sum(known) / len(known), 1e-6)
        found: tuple[Rung, ...] = ()
        # the last training of a rung leaves workers idle
        for share in (1.0, 0.85, 0.7, 0.5):
            found = plan_rungs(share * epochs, networks, config.epochs, full or config.final, validation)
            if rungs_seconds(found, config.epochs, sum(known) / len(known), workers) <= room:
                break
        else:
            found = ()
        self.ledger.choose(rungs=to_text(found))
        if found:
            _LOG.info("finalists: %s", rungs_in_words(found))
        elif planned:
            _LOG.info("finalists: none is trained for longer, as the time that is left is for the final trainings")
        return found

    def confirms(self, networks: int, workers: int) -> bool:
        """Whether there is time for the least sample of a refined space beside the final trainings.

        networks: That an earlier session trained of it.
        """
        least = -(-_LEAST // workers) * float(self.ledger.facts["trial_seconds"])
        return networks > 0 or self._left - _CLOSE * float(self.ledger.facts["seconds"]["final"]) >= least

    def shows(self, prepared: PreparedDesign, pick: Arch, frames: Mapping[str, pd.DataFrame]) -> bool:
        """Whether there is time for the trial of the pick once more, which only shows what it confuses."""
        seconds = _epoch_seconds(pick.name, frames, prepared.config.epochs) * prepared.config.epochs
        if self.ledger.has_time(seconds) or is_measured(prepared, pick, frames):
            return True
        _LOG.info("%s", unshown_in_words(seconds))
        return False

    def finish(self) -> None:
        """Remember that the design is finished, and say how long it took."""
        self.ledger.facts["finished"] = True
        self.ledger.save()
        _LOG.info("%s", ended_in_words(self.ledger.spent, self.ledger.budget or 0.0))

    def final(
        self,
        prepared: PreparedDesign,
        pick: Arch,
        baseline: Arch,
        frames: Mapping[str, pd.DataFrame],
        *,
        has_weights: bool = False,
    ) -> PreparedDesign:
        """The design with final trainings that fit the time that is left; what a session before began stays.

        Args:
            prepared: The design.
            pick: Named by its population and trial.
            baseline: What it is compared with.
            frames: Name of a population -> its frame, with the pick in one of them.
            has_weights: Whether finalists left weights of the pick, so that its trial is not needed once more.
        """
        folder, config = prepared.config.out / "final", prepared.config
        done, epochs, seeds, is_same = _begun(folder, pick, baseline)
        if "final_epochs" in self.ledger.choices and (done and is_same):
            return prepared
        survey = Survey(**self.ledger.facts["images"])
        workers = config.workers or default_workers(config.threads, prepared.devices)
        own, other = self._speeds(prepared, pick, baseline, frames)
        left = self._left
        if not has_weights and not is_measured(prepared, pick, frames):
            left -= _epoch_seconds(pick.name, frames, config.epochs) * config.epochs  # the pick's trial once more
        given: dict[str, Any] = {
            name: getattr(config, name) for name in ("final_epochs", "final_seeds") if name in config.fixed
        }
        most = prepared.space.limits.get("flops", (0.0, math.inf))[1]
        is_once = is_same_network(resnet18_like(pick, most), baseline)
        if done and is_same and given.get("final_epochs", epochs) == epochs:
            more = seeds_within(left, epochs, survey, own, other, workers)
            chosen = epochs, given.get("final_seeds") or seeds + more
            new = chosen[1] - seeds
            opponents = self._begun_opponents(folder)
        else:
            speeds = (own, other)
            opponents, (fitting, seeds, seconds) = self._finals(config, left, survey, speeds, workers, given, is_once)
            chosen = fitting, seeds
            new = seeds
            self.ledger.facts["seconds"]["final"] = seconds
            if folder.exists() and not done:  # begun for a time that a kill has taken
                shutil.rmtree(folder)
        self.ledger.choose(final_epochs=chosen[0], final_seeds=chosen[1], opponents=",".join(opponents) or NONE)
        facts = {"final_epochs": chosen[0], "final_seeds": max(new, 1)}
        others = [other] * len([name for name in opponents if not (is_once and name == "resnet18")])
        *_, needed = final_plan(left, survey, own, other, workers, facts, others)
        _LOG.info("%s", finals_in_words(self.ledger, *chosen, needed if new > 0 else 0.0))
        return with_final(prepared, epochs=chosen[0], seeds=chosen[1], opponents=",".join(opponents) or NONE)

    @staticmethod
    def _begun_opponents(folder: Path) -> tuple[str, ...]:
        with Population.open(folder) as population:
            labels = set(population.frame()["label"])
        return tuple(name for name in OPPONENTS if name in labels)

    @staticmethod
    def _finals(
        config: DesignConfig,
        left: float,
        survey: Survey,
        speeds: tuple[Speed, Speed],
        workers: int,
        given: Mapping[str, Any],
        is_once: bool,
    ) -> tuple[tuple[str, ...], tuple[int, int, float]]:
        """The opponents beside the baseline, and epochs, seeds and seconds; one that nobody gave takes no epochs.

        is_once: Whether the baseline is the ResNet-18, which is then trained once.
        """
        own = (*(("against",) if config.against else ()), *(("pretrained",) if config.pretrained else ()))
        chosen = read_opponents(config.opponents)
        others = [speeds[1]] * len([name for name in (*(chosen or ()), *own) if not (is_once and name == "resnet18")])
        found = final_plan(left, survey, *speeds, workers, given, others)
        if chosen is None and not own:
            more = final_plan(left, survey, *speeds, workers, given, [speeds[1]])
            if is_once or (more[:2] == found[:2] and more[2] <= left):
                return ("resnet18",), found if is_once else more
        return chosen or (), found

    def _speeds(
        self, prepared: PreparedDesign, pick: Arch, baseline: Arch, frames: Mapping[str, pd.DataFrame]
    ) -> tuple[Speed, ...]:
        """Of pick and baseline in a final training: as measured now, and as much slower as the pick's trial was."""
        images, config = prepared.images, prepared.config
        seconds = _epoch_seconds(pick.name, frames, config.epochs)
        if self._left < _WORTH_MEASURING * self.ledger.facts["start"]:
            whole = len(images.train) + _EVALUATION * len(images.validation)
            longer = relative_cost(prepared.final_recipe, prepared.recipe)
            return (Speed(longer * seconds / whole, _EVALUATION * seconds / whole),) * 2
        measured, _ = measure_speeds(
            [pick, pick, baseline],
            [prepared.recipe, prepared.final_recipe, prepared.final_recipe],
            workers=config.workers or default_workers(config.threads, prepared.devices),
            threads=config.threads,
            device=prepared.devices[0],
            seconds=60.0,
        )
        first, own, other = measured
        assert first is not None, "the first one is always measured"
        whole = first.train * len(images.train) + first.evaluate * len(images.validation)
        slower = seconds / whole  # a trial than its measurement
        own = own or first
        return tuple(Speed(slower * each.train, slower * each.evaluate) for each in (own, other or own))

    @staticmethod
    def _round(planned: int, workers: int) -> int:
        return max(workers, -(-planned // _ROUNDS // workers) * workers)


def _held(folder: Path) -> int:
    if not (folder / FILE).exists():
        return 0
    with Population.open(folder) as population:
        return len(population)


def _begun(folder: Path, pick: Arch, baseline: Arch) -> tuple[int, int, int, bool]:
    """Final trainings of before: how many are done, their epochs and seeds, and whether they are of these networks."""
    if not (folder / FILE).exists():
        return 0, 0, 0, False
    with Population.open(folder) as population:
        frame, epochs = population.frame(), int(population.identity["recipe"]["epochs"])
    archs = {Arch.from_json(text) for text in frame["arch"]}
    seeds = int((frame["label"] == "pick").sum())
    return int((frame["state"] == "done").sum()), epochs, seeds, {pick, baseline} <= archs


def _epoch_seconds(pick: str, frames: Mapping[str, pd.DataFrame], epochs: int) -> float:
    """Median seconds of an epoch of a trial. pick: the name of its network."""
    name, _, trial = pick.rpartition(" ")
    frame = frames[name]
    row = frame.loc[frame["trial"] == int(trial)].iloc[0]
    seconds = [float(epoch["seconds"]) for epoch in row["curve"] if "seconds" in epoch]
    return float(median(seconds or [float(row["seconds"]) / epochs]))


class PacedProgress(NullProgress):
    """Shows rounds as one stage, and the time that is left of the whole budget.

    Args:
        inner: What shows it.
        ledger: Of the time.
    """

    def __init__(self, inner: NullProgress, ledger: Ledger) -> None:
        self._inner, self._ledger = inner, ledger
        self.planned: int | None = None
        self._title = ""

    def start(self, title: str, done: int, total: int) -> None:
        if title != self._title:
            self._title = title
            self._inner.expect(lambda _, left: max(self._ledger.left - left, 0.0))
            self._inner.start(title, done, max(total, self.planned or 0))

    def update(
        self, done: float, finished: int, failed: int, best: float | None, mean: float | None, pruned: int = 0
    ) -> None:
        self._inner.update(done, finished, failed, best, mean, **({"pruned": pruned} if pruned else {}))

    def expect(self, later: Callable[[float, float], float] | None) -> None:
        """The ledger knows."""
