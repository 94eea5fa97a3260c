"""The files that a training writes: weights, tables, a picture."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from netwright.data.cut import split_digest
from netwright.data.data_path import is_digits
from netwright.data.data_ref import absolute_ref, parse_ref
from netwright.data.remembered import remember_images
from netwright.errors import OutputError, RecipeError
from netwright.recipe import TrainConfig, training_to_yaml
from netwright.system.atomic import require_room, require_writable, write_text
from netwright.system.run_folder import mark_run_folder
from netwright.training.checkpoint_policy import is_saved, save_and_prune
from netwright.training.curve import draw_curve
from netwright.training.pictures import draw_images
from netwright.training.records import EpochRecord, write_records
from netwright.training.setup import Setup
from netwright.training.trackers import Tracker, open_trackers
from netwright.version import __version__
from netwright.weights import save_model

__all__ = ["Outputs"]

_LOG = logging.getLogger(__name__)

_PATH_KEYS = ("data_dir", "out", "checkpoint", "model")
_DRAW_INTERVAL = 60.0  # seconds between drawings of the learning curve, which take a moment


class Outputs:
    """The folder of a training, on rank 0.

    Args:
        setup: The training.
        out: The folder.
        command: That started it, for the record.
    """

    def __init__(self, setup: Setup, out: Path, command: str) -> None:
        self.setup, self.out, self._command = setup, out, command
        self._trackers: list[Tracker] = []
        self._drawn_at = 0.0

    def open(self, epoch: int) -> None:
        """Check the disk, write the recipe and open the trackers, before the first step.

        Args:
            epoch: The first one that will be trained.
        """
        self._check_room()
        training = self.setup.training
        header = f"# {self._command}\n" if self._command else ""
        stored = _with_absolute_images(training)
        text = header + training_to_yaml(stored)
        write_text(self.out / "training.yaml", text, what="the recipe of the training", elsewhere="another --out")
        images = stored.images
        remember_images(self.out, "digits" if images.dataset == "digits" else images.data_dir, self._images)
        with suppress(OutputError):  # a full disk is reported with the weights
            draw_images(self.out / "images.png", self.setup.train_split, self.setup.preprocessing)
        self._trackers = open_trackers(training.checkpoints.trackers, self.out, training.to_flat(), epoch)

    @cached_property
    def _images(self) -> dict[str, Any]:
        """Which images are trained on and validated on, so that `netwright validate` knows them again."""
        splits = {"train": self.setup.train_split}
        if self.setup.validation_split is not None:
            splits["validation"] = self.setup.validation_split
        return {
            "digests": {name: split_digest(split.source, split.index) for name, split in splits.items()},
            "counts": {name: len(split) for name, split in splits.items()},
        }

    @property
    def best(self) -> Path:
        """The file of the best weights."""
        return self.out / f"{self.setup.name}_best.safetensors"

    def write_weights(self, records: Sequence[EpochRecord]) -> None:
        """Write the weights of the last record by the policy, and the best ones.

        They are written before the state: a kill in between repeats the epoch, and writes the same files again.
        """
        setup, checkpoints, record = self.setup, self.setup.training.checkpoints, records[-1]
        epochs, has_ema = setup.training.last_epoch, setup.ema is not None
        with self._surviving(record, epochs):
            if is_saved(checkpoints, record.epoch, epochs):
                save = partial(self._save, record)
                save_and_prune(
                    self.out, setup.name, setup.train.steps, epochs, checkpoints, records, save, has_ema=has_ema
                )
        with self._surviving(record, epochs):  # one file that is not written costs no other
            scores = [other.best.top1 for other in records if other.best is not None]
            if record.best is not None and record.best.top1 == max(scores) and scores.count(max(scores)) == 1:
                is_ema = record.best is not record.validation
                self._save(record, self.best, is_ema)

    @staticmethod
    @contextmanager
    def _surviving(record: EpochRecord, epochs: int) -> Iterator[None]:
        """Within it weights that cannot be written are said, and end the training only in its last epoch."""
        try:
            yield
        except OutputError as error:
            if record.epoch == epochs:
                raise
            _LOG.warning("weights of epoch %d are not kept: %s", record.epoch, error)

    def write_records(self, records: Sequence[EpochRecord], *, is_last: bool) -> None:
        """Write tables and the picture, and log to the trackers, after an epoch."""
        record = records[-1]
        with suppress(OutputError):  # weights and state report a full disk; the next epoch writes these again
            write_records(self.out, records)
            if is_last or time.monotonic() - self._drawn_at >= _DRAW_INTERVAL:
                draw_curve(self.out / "curve.png", records)
                self._drawn_at = time.monotonic()
        values = {"loss": record.loss, "train_error": record.train_error, "lr": record.lr}
        for name, score in (("validation", record.validation), ("ema", record.ema)):
            if score is not None:
                values |= {f"{name}_top1": score.top1, f"{name}_loss": score.loss}
        for tracker in self._trackers:
            tracker.log(values, record.epoch)

    def close(self) -> None:
        """Close the trackers."""
        for tracker in self._trackers:
            tracker.close()

    def _save(self, record: EpochRecord, path: Path, is_ema: bool) -> None:
        setup = self.setup
        score = record.ema if is_ema else record.validation
        module = setup.ema.module if is_ema and setup.ema is not None else setup.engine.module
        facts: dict[str, Any] = {
            "epoch": record.epoch,
            "epochs": setup.training.optimization.epochs,
            "weights": "moving average" if is_ema else "as trained",
            "validation": None if score is None else {"top1": score.top1, "top5": score.top5, "loss": score.loss},
            "dataset": setup.train_split.source.name,
            "images": self._images,
            # weights are shared: without paths of this machine
            "training": {key: value for key, value in setup.training.to_flat().items() if key not in _PATH_KEYS},
            "netwright": __version__,
            "torch": torch.__version__,
        }
        save_model(path, module, preprocessing=setup.preprocessing, class_names=setup.class_names, facts=facts)

    def check_writable(self) -> None:
        """Raise OutputError where no file can be written."""
        require_writable(self.out, what="the files of the training", elsewhere="another --out")
        mark_run_folder(self.out)

    def _check_room(self) -> None:
        """Raise OutputError where there is no room for the first state and weights."""
        weights = sum(value.numel() * value.element_size() for value in self.setup.engine.module.state_dict().values())
        copies = 2 + 3 + (self.setup.ema is not None) * 2  # kept and best weights; a state with two moments
        what = f"the weights and states of {self.setup.name}"
        require_room(self.out, weights * copies, what=what, elsewhere="another --out")

    def check_no_training(self) -> None:
        """Raise RecipeError where the folder has a training, which must not be overwritten."""
        if (self.out / "state").is_dir() and any((self.out / "state").iterdir()):
            raise RecipeError(
                f"resume is False, and {self.out} holds a training already. Choose another --out, or remove "
                f"{self.out / 'state'}."
            )


def _with_absolute_images(training: TrainConfig) -> TrainConfig:
    """The recipe is read from other folders too, by `netwright validate RUN` for one."""
    if is_digits(training.images.data_dir):
        return training
    ref = parse_ref(training.images.data_dir)
    is_there = Path(ref.path).expanduser().exists()
    return training.with_(data_dir=absolute_ref(training.images.data_dir)) if is_there else training
