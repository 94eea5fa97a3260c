"""What a training writes: weights, tables, a picture; and where it may."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch

from netwright.errors import OutputError, RecipeError
from netwright.recipe import training_to_yaml
from netwright.system.atomic import require_room, require_writable, write_text
from netwright.training.curve import draw_curve
from netwright.training.keep import is_kept, keep
from netwright.training.records import EpochRecord, write_records
from netwright.training.setup import Setup
from netwright.training.trackers import Tracker, open_trackers
from netwright.version import __version__
from netwright.weights import save_model

__all__ = ["Outputs"]

_PLACES = ("data_dir", "out", "checkpoint", "model")
_DRAWN_EVERY = 60.0  # seconds between pictures: one takes a moment


class Outputs:
    """The folder of a training, on the rank that writes."""

    def __init__(self, setup: Setup, out: Path, command: str) -> None:
        self.setup, self.out, self._command = setup, out, command
        self._say: Callable[[str], None] = print
        self._trackers: list[Tracker] = []
        self._drawn = 0.0

    def open(self, say: Callable[[str], None], epoch: int) -> None:
        """Before the first step. say: takes lines for the user; epoch: the first that will be trained."""
        self._say = say
        self._refuse_full_disk()
        training = self.setup.training
        header = f"# {self._command}\n" if self._command else ""
        text = header + training_to_yaml(training)
        write_text(self.out / "training.yaml", text, what="the recipe of the training", elsewhere="another --out")
        self._trackers = open_trackers(training.checkpoints.trackers, self.out, training.to_flat(), epoch)

    @property
    def best(self) -> Path:
        """Where the best weights are."""
        return self.out / f"{self.setup.name}_best.safetensors"

    def write_weights(self, records: Sequence[EpochRecord]) -> None:
        """Those of the last record, and the best ones, before the state: a kill between them repeats the epoch, and
        writes the same again."""
        setup, checkpoints, record = self.setup, self.setup.training.checkpoints, records[-1]
        epochs = setup.training.optimization.epochs
        averages = (False,) if setup.average is None else (False, True)
        try:
            if is_kept(checkpoints, record.epoch, epochs):
                save = partial(self._save, record)
                keep(self.out, setup.name, setup.train.steps, epochs, checkpoints, records, save, averages)
            scores = [other.best.top1 for other in records if other.best is not None]
            if record.best is not None and record.best.top1 == max(scores) and scores.count(max(scores)) == 1:
                is_average = record.best is not record.validation
                self._save(record, self.best, is_average)
        except OutputError as error:
            if record.epoch == epochs:
                raise
            self._say(f"weights of epoch {record.epoch} are not kept: {error}")

    def write_records(self, records: Sequence[EpochRecord]) -> None:
        """Tables, picture and trackers, after an epoch."""
        record = records[-1]
        is_last = record.epoch == self.setup.training.optimization.epochs
        with suppress(OutputError):  # a full disk is said by what matters more; the next epoch writes them whole
            write_records(self.out, records)
            if is_last or time.monotonic() - self._drawn >= _DRAWN_EVERY:
                draw_curve(self.out / "curve.png", records)
                self._drawn = time.monotonic()
        values = {"loss": record.loss, "train_error": record.train_error, "lr": record.lr}
        for name, score in (("validation", record.validation), ("ema", record.ema)):
            if score is not None:
                values |= {f"{name}_top1": score.top1, f"{name}_loss": score.loss}
        for tracker in self._trackers:
            tracker.log(values, record.epoch)

    def close(self) -> None:
        """End what goes on elsewhere."""
        for tracker in self._trackers:
            tracker.close()

    def _save(self, record: EpochRecord, path: Path, is_average: bool) -> None:
        setup = self.setup
        score = record.ema if is_average else record.validation
        module = setup.average.module if is_average and setup.average is not None else setup.engine.module
        facts: dict[str, Any] = {
            "epoch": record.epoch,
            "epochs": setup.training.optimization.epochs,
            "weights": "moving average" if is_average else "as trained",
            "validation": None if score is None else {"top1": score.top1, "top5": score.top5, "loss": score.loss},
            "dataset": setup.train_split.source.name,
            # weights are passed on: nothing of this machine's folders
            "training": {key: value for key, value in setup.training.to_flat().items() if key not in _PLACES},
            "netwright": __version__,
            "torch": torch.__version__,
        }
        save_model(path, module, preprocessing=setup.preprocessing, class_names=setup.class_names, facts=facts)

    def refuse_unwritable(self) -> None:
        """OutputError where no file can be made."""
        require_writable(self.out, what="the files of the training", elsewhere="another --out")

    def _refuse_full_disk(self) -> None:
        """OutputError where the first state and weights would not fit."""
        weights = sum(value.numel() * value.element_size() for value in self.setup.engine.module.state_dict().values())
        copies = 2 + 3 + (self.setup.average is not None) * 2  # kept and best weights; a state with two moments
        what = f"the weights and states of {self.setup.name}"
        require_room(self.out, weights * copies, what=what, elsewhere="another --out")

    def refuse_overwriting(self) -> None:
        """RecipeError where a training is, and is not to be gone on with."""
        if (self.out / "state").is_dir() and any((self.out / "state").iterdir()):
            raise RecipeError(
                f"resume is False, and {self.out} holds a training already. Choose another --out, or remove "
                f"{self.out / 'state'}."
            )
