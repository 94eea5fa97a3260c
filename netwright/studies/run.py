"""Train a study until every comparison is decided, and write what it found."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from netwright.errors import RecipeError
from netwright.studies.arms import Arms, open_arms
from netwright.studies.deciding import ComparisonState
from netwright.studies.planning import planned_text
from netwright.studies.promises import alphas
from netwright.studies.result import StudyResult, result_of
from netwright.studies.study_file import Study, read_study
from netwright.sweeps import NullProgress, Progress
from netwright.sweeps.feeding import feed
from netwright.sweeps.pausing import begin_anew, wait_while_paused, watched
from netwright.workflow.prepare import prepare

__all__ = ["study"]

_LOG = logging.getLogger(__name__)


def study(
    file: Study | str | Path, out: str | Path | None = None, progress: NullProgress | None = None, **options: Any
) -> StudyResult:
    """Train the spaces of a study by turns until each comparison is decided: what `netwright study` runs.

        netwright.study("widths.yaml", out="runs/widths")

    Called again it goes on where it was interrupted; with more comparisons or spaces in the file it adds them.

    Args:
        file: Of the study, or a study.
        out: Folder; runs/NAME by default.
        progress: Shows how far it is; by default on stderr.
        **options: In place of those in the file: anything that `netwright sweep` takes, such as `workers`.

    Returns:
        What is known of each comparison, and what it cost. `netwright.studies.report` writes it as a page.

    Raises:
        DataError, RecipeError, SpaceError, OutputError: Before any training.
        PopulationError: The folder has another study, or this one was planned differently.
    """
    found = file if isinstance(file, Study) else read_study(file)
    options = {name: value for name, value in options.items() if value is not None}
    command = str(options.pop("command", ""))
    found = replace(found, options=dict(found.options) | options)
    folder = Path(out) if out is not None else Path("runs") / found.name
    config = replace(found.config(folder, found.comparisons[0].a), command=command)
    if config.latency is not None:
        raise RecipeError("a study compares spaces within limits on flops, params or acts. Leave max_latency out.")
    progress = progress or Progress()
    with progress:
        for line in planned_text(found).splitlines():
            _LOG.info("%s", line)
        prepared = prepare(config, progress)
        shares = alphas(found, folder)
        meter = _Meter(found, progress)
        with prepared.executor, open_arms(found, prepared, shares, meter.count, meter.look) as arms:
            meter.start(arms)
            begin_anew(folder)
            with watched(folder, prepared.executor.wake):
                while True:
                    feed(prepared.executor, arms.take, arms.record)
                    if not arms.needed():
                        break
                    wait_while_paused(folder)
        return result_of(found, folder, shares)


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
