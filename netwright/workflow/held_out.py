"""What the pick confuses, shown on validation images: its trial once more, now with weights.

The final trainings learn from the validation images too, and the test images stay unseen: who changes images or classes
after looking at mistakes must not have looked at those that judge.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.arch import Arch
from netwright.data import ImageSet, open_source
from netwright.data.source import Pixels
from netwright.errors import DataError, WeightsError
from netwright.population import FILE, Population
from netwright.sweeps import run
from netwright.workflow.prepare import PreparedDesign, identity
from netwright.workflow.rungs import Rung

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from netwright.evaluation.metrics import ValidationMetrics

__all__ = ["HeldOut", "is_measured", "measure_held_out"]

_LOG = logging.getLogger(__name__)

_FOLDER, _WEIGHTS = "held_out", "weights.safetensors"
_DIGITS = 8  # of a folder's name
_BATCH = 100
_MOST_WRONG = 24  # pictures


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The pick on the validation images.

    Attributes:
        metrics: The numbers.
        images: The decoded images.
        epochs: Of the trial.
    """

    metrics: ValidationMetrics
    images: ImageSet
    epochs: int

    def pixels(self, row: int) -> Pixels:
        """(H, W, C) uint8 of an image, by its row in `images`."""
        return np.asarray(self.images.images[row])


def measure_held_out(
    prepared: PreparedDesign,
    pick: Arch,
    frames: Mapping[str, pd.DataFrame],
    weights: Path | None = None,
    rungs: Sequence[Rung] = (),
) -> HeldOut | None:
    """Measure the pick as it was trained on the training images alone, on the validation images.

    Where finalists left no weights of it, its trial is trained once more.

    Args:
        prepared: The design.
        pick: As `best_network` names it.
        frames: Name of a population -> `Population.frame()`.
        weights: That the last rung left.
        rungs: The last one, which made them.

    Returns:
        The numbers, which have the trial's error; None where the machine failed it.
    """
    config, images = prepared.config, prepared.images
    if weights is not None and weights.is_file():
        try:
            return HeldOut(_measure(weights, images, config.data_dir), images, rungs[-1].epochs)
        except (WeightsError, DataError) as error:
            _LOG.warning("the weights of the finalist cannot be used: %s", error)
    seed, known, folder = _place(prepared, pick, frames)
    with Population.open_or_create(
        folder,
        networks=[pick],
        seed=config.seed,
        identity=known,
        seeds=[seed],
        labels=["pick"],
    ) as population:
        run(
            population,
            images,
            prepared.recipe,
            title="the pick's trial again, to see what it confuses",
            workers=1,
            threads=config.threads,
            devices=prepared.devices,
            trial_timeout=config.trial_timeout,
            retry_failed=config.retried,
            command=config.command,
            weights=lambda trial: folder / _WEIGHTS,
            progress=prepared.progress,
            executor=prepared.executor,
        )
        is_done = population.counts()["done"] == 1
    if not is_done:
        return None
    try:
        metrics = _measure(folder / _WEIGHTS, images, config.data_dir)
    except (WeightsError, DataError) as error:  # a report without these pictures is still one
        _LOG.warning("what the pick confuses is not shown: %s", error)
        return None
    return HeldOut(metrics, images, prepared.recipe.epochs)


def is_measured(prepared: PreparedDesign, pick: Arch, frames: Mapping[str, pd.DataFrame]) -> bool:
    """Whether `measure_held_out` of a session before has trained this pick, so that it takes no time again."""
    *_, folder = _place(prepared, pick, frames)
    if not (folder / FILE).exists():
        return False
    with Population.open(folder) as population:
        return population.counts()["done"] == 1


def _place(
    prepared: PreparedDesign, pick: Arch, frames: Mapping[str, pd.DataFrame]
) -> tuple[int, dict[str, Any], Path]:
    """The seed of the pick's trial, what its result depends on, and the folder where it is trained again."""
    name, trial = pick.name.rsplit(" ", 1)
    frame = frames[name]
    seed = int(frame.loc[frame["trial"] == int(trial), "seed"].iloc[0])
    known = identity(None, prepared.recipe, prepared.images, prepared.config.threads)
    # a design that goes on may pick another network, or train it longer: each has its own folder
    facts = json.dumps([pick.to_dict(), seed, known], sort_keys=True)
    return seed, known, prepared.config.out / _FOLDER / hashlib.sha256(facts.encode()).hexdigest()[:_DIGITS]


def _measure(weights: Path, images: ImageSet, data_dir: str) -> ValidationMetrics:
    import time

    import torch

    from netwright.evaluation.measure import records_of
    from netwright.evaluation.metrics import ValidationMetrics, most_wrong
    from netwright.evaluation.records import ImageRecords
    from netwright.runtime import open_runtime

    started, parts = time.perf_counter(), []
    with open_runtime(weights, runtime="torch") as runtime:
        for start in range(0, len(images.validation), _BATCH):
            rows = images.validation[start : start + _BATCH]
            logits = runtime.logits(runtime.normalize(np.asarray(images.images[rows])))
            labels = torch.from_numpy(images.labels[rows])
            parts.append(records_of(logits, labels, np.arange(start, start + len(rows))))
    records = ImageRecords.join(parts)
    names = _names(images, data_dir)
    return ValidationMetrics(
        records,
        images.class_names,
        total=len(images.validation),
        seconds=time.perf_counter() - started,
        wrong=most_wrong(records, images.validation, lambda row: names.get(row, f"image {row:,}"), _MOST_WRONG),
    )


def _names(images: ImageSet, data_dir: str) -> dict[int, str]:
    """Row of a validation image -> its name; empty where the images are no longer those that were decoded."""
    if images.cut is None:
        return {}
    source = open_source(data_dir)
    splits = images.cut.again(source)
    if not images.cut.is_of(source, splits):
        return {}
    skipped = {bad.name for bad in images.skipped}
    names = [name for index in splits.validation if (name := source.item_name(int(index))) not in skipped]
    if len(names) != len(images.validation):
        return {}
    return dict(zip(images.validation.tolist(), names, strict=True))
