"""One sample of a design, trained: all of it, or in rounds for as long as there is time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.space import DesignSpace, Sample
from netwright.sweeps import default_workers
from netwright.workflow.finalists import state_of
from netwright.workflow.pace import Pace
from netwright.workflow.prepare import PreparedDesign
from netwright.workflow.rungs import NONE

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Stage"]

_LOG = logging.getLogger(__name__)

_KEPT = 8  # states at least


@dataclass(frozen=True)
class Stage:
    """Networks that are trained together.

    Attributes:
        folder: Of their population.
        space: From which they are drawn.
        seed: Of the population.
        title: Of progress and messages.
        draw: Number of networks -> the sample, of which a smaller one is the beginning.
        notes: What else is kept with the population.
    """

    folder: Path
    space: DesignSpace
    seed: int
    title: str
    draw: Callable[[int], Sample]
    notes: Mapping[str, Any] = field(default_factory=dict)

    def train(
        self, prepared: PreparedDesign, planned: int, pace: Pace | None, later: tuple[str, ...]
    ) -> tuple[Sample, pd.DataFrame]:
        """Train so many networks, or as many as there is time for.

        Args:
            prepared: The design.
            planned: Networks.
            pace: Of the budget of time; None trains all.
            later: Stages for which time stays.

        Returns:
            The networks, and their population.
        """
        sample, frame = self._in_time(prepared, planned, pace, later)
        prepared.tell_guessing(self.title, frame.loc[frame["state"] == "done", "error"].tolist())
        return sample, frame

    def _in_time(
        self, prepared: PreparedDesign, planned: int, pace: Pace | None, later: tuple[str, ...]
    ) -> tuple[Sample, pd.DataFrame]:
        if pace is None:
            return self._train(prepared, planned)
        workers = prepared.config.workers or default_workers(prepared.config.threads, prepared.devices)
        pace.progress.planned = planned
        many = pace.first(planned, workers, self.folder)
        sample, frame = self._train(prepared, many)
        while more := pace.more(frame, planned, workers, later):
            many += more
            sample, frame = self._train(prepared, many)
        pace.progress.planned = None
        if many < planned:
            _LOG.info("%s: %d of %d networks, because there is no time for more", self.title, many, planned)
        pace.stage_over(later, many)
        return sample, frame

    def _train(self, prepared: PreparedDesign, many: int) -> tuple[Sample, pd.DataFrame]:
        sample = self.draw(many)
        with prepared.population(self.folder, self.space, sample, self.seed, **self.notes) as population:
            kept = max(_KEPT, many // 4)  # of which the finalists are
            states = None if prepared.config.rungs == NONE else (partial(state_of, self.folder), kept)
            prepared.train(population, self.title, states=states)
            return sample, population.frame()
