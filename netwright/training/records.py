"""Records of epochs, and their files result.log and metrics.jsonl; rewritten as a whole: a resume doubles nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netwright.system.atomic import write_text
from netwright.training.engine import Evaluation

__all__ = ["EpochRecord", "Score", "epochs_without_gain", "write_records"]


@dataclass(frozen=True, slots=True)
class Score:
    """The result of a validation.

    Attributes:
        top1: Accuracy in percent.
        top5: Likewise; None with less than five classes.
        loss: Mean cross-entropy.
        images: Number of images.
        bad_images: Unreadable ones, which are left out of them.
        classes: Of the network; 0 where an earlier version did not record it.
    """

    top1: float
    top5: float | None
    loss: float
    images: int
    bad_images: int = 0
    classes: int = 0

    @classmethod
    def from_evaluation(cls, evaluation: Evaluation, bad_images: int = 0, classes: int = 0) -> Score:
        return cls(evaluation.top1, evaluation.top5, evaluation.loss, evaluation.images, bad_images, classes)


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """The record of an epoch.

    Attributes:
        epoch: 1, 2, ...
        loss: Mean training loss; NaN where no step was done.
        train_error: Percent of the augmented images; likewise.
        lr: Of the last step.
        validation: Score of the weights; None where it was not measured.
        ema: Score of their moving average; None likewise.
        train_seconds: Of training.
        eval_seconds: Of validation.
        images_per_second: In training.
        skipped: Steps that were skipped because gradients were not finite.
        bad_images: Unreadable images found so far and replaced, in training.
    """

    epoch: int
    loss: float
    train_error: float
    lr: float
    validation: Score | None
    ema: Score | None
    train_seconds: float
    eval_seconds: float
    images_per_second: float
    skipped: int
    bad_images: int

    @property
    def best(self) -> Score | None:
        """The better score of the weights and their moving average; None without validation."""
        scores = [score for score in (self.validation, self.ema) if score is not None]
        return max(scores, key=lambda score: score.top1, default=None)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it: None for what is not a number."""
        return {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EpochRecord:
        """Read the result of `to_dict`."""
        fields = dict(values)
        for name in ("loss", "train_error"):
            fields[name] = math.nan if fields[name] is None else fields[name]
        for name in ("validation", "ema"):
            fields[name] = None if fields[name] is None else Score(**fields[name])
        return cls(**fields)


def epochs_without_gain(records: Sequence[EpochRecord]) -> int:
    """Epochs since the first one of the highest top-1 in validation; 0 without a validation."""
    scores = [(record.best.top1, -record.epoch) for record in records if record.best is not None]
    return records[-1].epoch + max(scores)[1] if scores else 0


def write_records(folder: Path, records: Sequence[EpochRecord]) -> None:
    """Write result.log, with MindCV's columns and accuracies from 0 to 1, and metrics.jsonl with all values.

    Raises:
        OutputError: The folder cannot be written.
    """
    five = any(record.best is not None and record.best.top5 is not None for record in records)
    names = ["Epoch", "TrainLoss", "Top_1_Accuracy", *(["Top_5_Accuracy"] if five else [])]
    lines = ["\t".join([*names, "TrainTime", "EvalTime", "TotalTime"])]
    for record in records:
        score = record.validation
        shares = [None, None] if score is None else [score.top1, score.top5]
        cells = [f"{record.epoch}", f"{record.loss:.6f}"]
        cells += ["-" if share is None else f"{share / 100:.6f}" for share in shares[: 1 + five]]
        total = record.train_seconds + record.eval_seconds
        lines.append(
            "\t".join([*cells, *(f"{value:.2f}" for value in (record.train_seconds, record.eval_seconds, total))])
        )
    json_lines = "".join(json.dumps(record.to_dict()) + "\n" for record in records)
    for name, text in (("result.log", "\n".join(lines) + "\n"), ("metrics.jsonl", json_lines)):
        write_text(folder / name, text, what="the numbers of the epochs", elsewhere="another --out")
