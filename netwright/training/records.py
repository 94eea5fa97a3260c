"""What each epoch did, in files: result.log and metrics.jsonl, rewritten whole, so that none is doubled by a resume."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netwright.system.atomic import write_text
from netwright.training.engine import Evaluation

__all__ = ["EpochRecord", "Score", "write_records"]


@dataclass(frozen=True, slots=True)
class Score:
    """top1, top5: percent; top5 is None under five classes. loss: mean cross-entropy. images: how many were counted."""

    top1: float
    top5: float | None
    loss: float
    images: int

    @classmethod
    def of(cls, evaluation: Evaluation) -> Score:
        return cls(evaluation.top1, evaluation.top5, evaluation.loss, evaluation.images)


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One pass. train_error: percent of augmented images; lr: of its last step; validation: of the weights, ema: of
    their moving average, each None where it was not measured; seconds: of training and of evaluation; skipped: steps
    that were not done because gradients were not finite; bad_images: met so far and replaced."""

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
        """The better one of both weights."""
        scores = [score for score in (self.validation, self.ema) if score is not None]
        return max(scores, key=lambda score: score.top1, default=None)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> EpochRecord:
        """Read what `to_dict` wrote."""
        values = dict(plain)
        for name in ("validation", "ema"):
            values[name] = None if values[name] is None else Score(**values[name])
        return cls(**values)


def write_records(folder: Path, records: Sequence[EpochRecord]) -> None:
    """folder/result.log, in MindCV's columns with accuracies as fractions, and folder/metrics.jsonl with everything."""
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
    plain = "".join(json.dumps(record.to_dict()) + "\n" for record in records)
    for name, text in (("result.log", "\n".join(lines) + "\n"), ("metrics.jsonl", plain)):
        write_text(folder / name, text, what="the numbers of the epochs", elsewhere="another --out")
