"""From the trained samples to the pick: finalists where there are rungs, else the lowest error of one training each."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch import Arch
from netwright.stats.chosen import ChosenError
from netwright.stats.fidelity import kendall
from netwright.workflow.finalists import Finals, Standing, choose, contenders, train_rungs, why_picked
from netwright.workflow.judging import expected_error
from netwright.workflow.latency import quick_network
from netwright.workflow.pace import Pace
from netwright.workflow.prepare import PreparedDesign
from netwright.workflow.rungs import AUTO, NONE, SMALL_SPLIT, Rung, by_default, to_text
from netwright.workflow.selection import best_network

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Picked", "pick_network", "rank_agreement", "rungs_of"]

_LOG = logging.getLogger(__name__)

_LEAST_RANKED = 3  # networks whose order says anything


@dataclass(frozen=True)
class Picked:
    """The pick.

    Attributes:
        arch: The network, named by its population and trial.
        why: A sentence.
        finals: What the finalists did; None where there were none.
        expected: What its error is to be expected on new images; None where that is not known.
        decisions: Sentences for the report, `why` among them.
    """

    arch: Arch
    why: str
    finals: Finals | None = None
    expected: ChosenError | None = None
    decisions: tuple[str, ...] = ()

    @property
    def rungs(self) -> tuple[Rung, ...]:
        return () if self.finals is None else tuple(each.rung for each in self.finals.standings)

    @property
    def weights(self) -> Path | None:
        """Those of the pick after the last rung, as trained on the training images alone."""
        if self.finals is None or self.finals.last.rung.folds:
            return None
        return next(iter(self.finals.last.weights.get(self.arch.name, ())), None)

    def to_dict(self) -> dict[str, Any]:
        """For result.json."""
        if self.finals is None:
            return {"rungs": NONE}
        expected = self.expected
        return {
            "rungs": to_text(self.rungs),
            "brief_pick": self.finals.brief,
            "validation_error": self.finals.last.errors.get(self.arch.name),
            "expected_error": None if expected is None else expected.expected,
            "expected_interval": None if expected is None else list(expected.interval),
            "rank_agreement": [rank_agreement(each) for each in self.finals.standings],
            "standings": [dict(each.errors) for each in self.finals.standings],
        }


def rungs_of(prepared: PreparedDesign, networks: int) -> tuple[Rung, ...]:
    """The rungs of a design without a budget of time.

    One that an earlier version finished without any stays as it is, unless rungs are given.

    Raises:
        RecipeError: Rungs were given that are no longer than trials.
    """
    config = prepared.config
    result = config.out / "result.json"
    is_before = config.rungs == AUTO and result.exists() and not (config.out / "rungs").exists()
    if is_before and "selection" not in json.loads(result.read_text(encoding="utf-8")):
        return ()
    return by_default(config.rungs, config.epochs, config.final, networks, len(prepared.images.validation))


def pick_network(prepared: PreparedDesign, pace: Pace | None, frames: Mapping[str, pd.DataFrame]) -> Picked:
    """Train finalists where there are any, and choose.

    Args:
        prepared: The design.
        pace: Of a budget of time.
        frames: Name of a population -> its frame, that of the given space first.

    Raises:
        PopulationError: No trial is done, or none meets the limit on latency.
    """
    config = prepared.config
    folders = dict(zip(frames, (config.out, config.out / "refined"), strict=False))
    entered, errors = contenders(frames, folders)
    names = [each.name for each in entered]
    rungs: Sequence[Rung] = ()
    if entered:
        rungs = rungs_of(prepared, len(entered)) if pace is None else pace.rungs(prepared, len(entered), frames, names)
    finals = train_rungs(prepared, rungs, entered, errors) if rungs else None
    pick = choose(finals, entered, prepared.latency) if finals is not None and finals.standings else None
    if finals is None or pick is None:
        arch, why = best_network(frames) if prepared.latency is None else quick_network(prepared.latency, frames)
        few = _few_images(prepared)
        return Picked(arch, why, decisions=(why, *few))
    validation = len(prepared.images.validation)
    why = why_picked(finals, pick, config.epochs, validation)
    expected = expected_error(finals.last, prepared.images, config.seed)
    said = [why, *_ranks(finals), *_old_policy(finals, pick), *_honest(expected)]
    if not finals.last.rung.folds:
        said += _few_images(prepared)
    return Picked(pick, why, finals, expected, tuple(said))


def _few_images(prepared: PreparedDesign) -> list[str]:
    many = len(prepared.images.validation)
    if many >= SMALL_SPLIT:
        return []
    return [
        f"The validation split has {many} images: by so few a network cannot be chosen reliably, as one image is "
        f"{100 / max(many, 1):.1f} points. More time (--budget) or --rungs 3x{prepared.config.final}/5 compares the "
        "best in a cross-validation."
    ]


def rank_agreement(standing: Standing) -> float | None:
    """Kendall's tau between a rung and what came before it, over its networks; None for fewer than three."""
    names = list(standing.errors)
    if len(names) < _LEAST_RANKED:
        return None
    import numpy as np

    pair = [np.array([side[name] for name in names]) for side in (standing.before, standing.errors)]
    return kendall(*pair)


def _ranks(finals: Finals) -> list[str]:
    """How far each rung ranked its networks as the one before did."""
    found = []
    for standing in finals.standings:
        tau = rank_agreement(standing)
        if tau is not None:
            found.append(f"{tau:.2f} of {len(standing.errors)} networks after {standing.rung.epochs} epochs")
    if not found:
        return []
    return [
        f"How far the ranks agree with those of the rung before (Kendall's tau; 1: the same order): {'; '.join(found)}."
    ]


def _old_policy(finals: Finals, pick: Arch) -> list[str]:
    if finals.brief == pick.name:
        return ["The lowest error of the brief trainings was that of the same network."]
    first = finals.standings[0].errors
    place = list(first).index(finals.brief) + 1 if finals.brief in first else None
    where = "" if place is None else f", which came in as number {place} of {len(first)} on the first rung"
    return [f"By the brief trainings alone the pick would have been {finals.brief}{where}."]


def _honest(expected: ChosenError | None) -> list[str]:
    if expected is None:
        return []
    low, high = expected.interval
    return [
        f"Who chooses the lowest of several errors is a little too hopeful: {expected.apparent:.2f}% on the "
        f"{expected.images:,} images that chose, and {expected.expected:.2f}% (95% interval {low:.2f} to {high:.2f}) "
        "is to be expected of a network that is chosen so, by a nested bootstrap: chosen on drawn images, judged on "
        "the others. This is the finalist as it is, before its final training."
    ]
