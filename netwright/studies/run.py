"""Train a study until every comparison is decided, and write what it found."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from netwright.errors import RecipeError
from netwright.studies.arms import Arms, open_arms
from netwright.studies.deciding import ComparisonState
from netwright.studies.estimating import study_costs, study_estimate
from netwright.studies.planning import planned_text
from netwright.studies.promises import PROMISES_FILE, alphas
from netwright.studies.result import StudyResult, result_of
from netwright.studies.study_file import Study, read_study
from netwright.sweeps import NullProgress, Progress
from netwright.sweeps.feeding import feed
from netwright.sweeps.pausing import begin_anew, wait_while_paused, watched
from netwright.sweeps.time_budget import TimeBudget
from netwright.system.temporary import temporary_folder
from netwright.workflow.prepare import PreparedDesign, prepare

__all__ = ["study"]

_LOG = logging.getLogger(__name__)


def study(
    file: Study | str | Path,
    out: str | Path | None = None,
    progress: NullProgress | None = None,
    *,
    estimate: bool = False,
    **options: Any,
) -> StudyResult:
    """Train the spaces of a study by turns until each comparison is decided: what `netwright study` runs.

        netwright.study("widths.yaml", out="runs/widths", budget="2h")

    Called again it goes on where it was interrupted; with more comparisons or spaces in the file it adds them.

    Args:
        file: Of the study, or a study.
        out: Folder; runs/NAME by default.
        progress: Shows how far it is; by default on stderr.
        estimate: Train nothing: the result's `estimate` is what the study takes here, from two networks that are timed,
            and how far the `budget` brings it. A study that is not begun is not begun by it.
        **options: In place of those in the file: anything that `netwright sweep` takes, such as `workers`. `budget` is
            the time of this sitting: no trial begins that would end after it, and the next call goes on.

    Returns:
        What is known of each comparison, and what it cost. `netwright.studies.report` writes it as a page.

    Raises:
        DataError, RecipeError, SpaceError, OutputError: Before any training.
        PopulationError: The folder has another study, or this one was planned differently.
    """
    found = file if isinstance(file, Study) else read_study(file)
    options = {name: value for name, value in options.items() if value is not None}
    own = {name: options.pop(name) for name in ("command", "budget") if name in options}
    found = replace(found, options=dict(found.options) | options)
    folder = Path(out) if out is not None else Path("runs") / found.name
    config = found.config(folder, found.comparisons[0].a, **own)
    if config.latency is not None:
        raise RecipeError("a study compares spaces within limits on flops, params or acts. Leave max_latency out.")
    progress = progress or Progress()
    with progress:
        for line in planned_text(found).splitlines():
            _LOG.info("%s", line)
        prepared = prepare(config, progress)
        with prepared.executor:
            return _estimated(found, prepared) if estimate else _trained(found, prepared, progress)


def _trained(study: Study, prepared: PreparedDesign, progress: NullProgress) -> StudyResult:
    folder, meter = prepared.config.out, _Meter(study, progress)
    shares = alphas(study, folder)
    with open_arms(study, prepared, shares, meter.count, meter.look) as arms:
        meter.start(arms)
        begin_anew(folder)
        _limit(study, prepared, arms)
        with watched(folder, prepared.executor.wake):
            while True:
                feed(prepared.executor, arms.take, arms.record)
                if not arms.needed() or arms.is_out_of_time:
                    break
                wait_while_paused(folder)
    return replace(result_of(study, folder, shares), is_out_of_time=arms.is_out_of_time)


def _limit(study: Study, prepared: PreparedDesign, arms: Arms) -> None:
    """Keep to the time of this sitting, where it has one, and say how far it goes."""
    seconds = prepared.config.seconds
    if seconds is None or not arms.needed():
        return
    budget_began = time.monotonic()
    costs = study_costs(prepared, arms)
    for line in study_estimate(study, prepared, arms, costs).text().splitlines():
        _LOG.info("%s", line)
    if costs is not None:
        arms.limit(TimeBudget(max(seconds - (time.monotonic() - budget_began), 0.0), costs))


def _estimated(study: Study, prepared: PreparedDesign) -> StudyResult:
    """What it would take. A study that is not begun promises nothing by this: its plan may still change."""
    folder = prepared.config.out
    with ExitStack() as stack:
        if not (folder / PROMISES_FILE).exists():
            folder = stack.enter_context(temporary_folder("estimate"))
            prepared = replace(prepared, config=replace(prepared.config, out=folder))
        shares = alphas(study, folder)
        arms = stack.enter_context(open_arms(study, prepared, shares, lambda *_: None, lambda: None))
        found = study_estimate(study, prepared, arms, study_costs(prepared, arms))
        return replace(result_of(study, folder, shares), folder=prepared.config.out, estimate=found)


class _Meter:
    """How far a study is: trials of all spaces, of those that open comparisons may still take."""

    def __init__(self, study: Study, progress: NullProgress) -> None:
        self._study, self._progress = study, progress
        self._finished = self._failed = 0
        self._arms: Arms | None = None

    def start(self, arms: Arms) -> None:
        self._arms = arms
        for arm in arms.arms.values():
            counts = arm.population.counts()
            self._finished += counts["done"]
            self._failed += counts["failed"]
        most = sum(self._study.most(each.name) for each in self._study.spaces)
        self._progress.start(self._study.name, self._finished + self._failed, most)

    def count(self, name: str, kind: str, index: int, values: Mapping[str, Any], failure: str) -> None:
        """An event of a trial."""
        if kind == "done":
            self._finished += 1
        elif failure:
            self._failed += 1
        else:
            return
        self._progress.update(self._finished + self._failed, self._finished, self._failed, None, None)

    def look(self) -> None:
        """A comparison was looked at: say what is left."""
        if self._arms is None:
            return
        states: list[ComparisonState] = self._arms.states
        left = sum(not state.is_over for state in states)
        _LOG.info("%s: %d of %d comparisons are open", self._study.name, left, len(states))
