"""The last lines of a training: its best accuracy beside a guess, or why that is not known, and why it ended."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from netwright.data.folder import FolderSource
from netwright.data.split_names import split_of
from netwright.loader import Split
from netwright.stats.guessing import commonest_class, doubt_of_guessing, no_better_than_guessing
from netwright.system.plural import count
from netwright.training.bad_images import BadImages
from netwright.training.records import EpochRecord, Score
from netwright.training.setup import Setup

__all__ = ["log_result", "unused_split"]

_LOG = logging.getLogger(__name__)


def log_result(setup: Setup, records: Sequence[EpochRecord], best: Path, out: Path, bad: BadImages) -> None:
    """Log what came of a training.

    Args:
        setup: The training.
        records: Of its epochs, at least one.
        best: The file of the best weights.
        out: Its folder.
        bad: The images that could not be read.
    """
    training, kept = setup.training, setup.validation_split
    scored = [(record.best.top1, -record.epoch, record.best) for record in records if record.best is not None]
    if scored:
        top1, epoch, score = max(scored, key=lambda each: each[:2])
        where = best if best.is_file() else "its weights could not be kept"
        _LOG.info("best accuracy: %.2f%% after epoch %d (%s)", top1, -epoch, where)
        _compare_with_guess(score, kept, bad)
    else:
        _LOG.warning("%s", _why_unmeasured(kept, out, unused_split(setup.train_split)))
    done, epochs = len(records), training.optimization.epochs
    if done < training.last_epoch:
        patience = training.checkpoints.early_stopping
        many = count(patience or 0, "epoch")
        _LOG.info("stopped early: validation was not better for %s; a larger --early_stopping goes further", many)
    elif done < epochs:
        _LOG.info("stopped after epoch %d of %d, by --until_epoch; without it the rest is trained", done, epochs)
    used = bad.images_used(setup.train_split, kept if scored else None, records[-1])
    _LOG.info("%s", used)
    total = sum(record.train_seconds + record.eval_seconds for record in records)
    _LOG.info("%s in %.0f s; everything is in %s", count(done, "epoch"), total, out)


def _compare_with_guess(best: Score, kept: Split | None, bad: BadImages) -> None:
    """Say what always answering the commonest class would give, and whether the network is better."""
    if kept is None:
        return
    counts = np.bincount(bad.readable_labels(kept), minlength=len(kept.class_names))
    label, share = commonest_class(counts)
    text = f"always answering {kept.class_names[label]}, the commonest class, gives {100 * share:.2f}%"
    if no_better_than_guessing([100 - best.top1], best.images, 100 - 100 * share)[0]:
        doubt = doubt_of_guessing(best.top1, 100 * share, best.images)
        _LOG.warning("%s: %s. Train longer, or look at the images and their classes", doubt, text)
    else:
        _LOG.info("%s", text)


def unused_split(train: Split) -> str:
    """A split of the same images that was not trained on, to measure the network on; '' where there is none."""
    source = train.source
    names = [*source.splits, *(source.reading.unread if isinstance(source, FolderSource) else ())]
    of = {split_of(name) or name: name for name in names if name != train.name}
    return next((of[split] for split in ("validation", "test") if split in of), "")


def _why_unmeasured(kept: Split | None, out: Path, other: str) -> str:
    """A training without validation knows no accuracy: its training error is of images that it has learned."""
    if kept is not None:
        return (
            f"no accuracy was measured, as validate is False: `netwright validate {out}` measures it on the "
            f"{len(kept):,} images that were not trained on"
        )
    if other:
        return (
            f"no accuracy was measured, as no validation images were named: `netwright validate {out} --split {other}` "
            f"measures it on those of {other}"
        )
    return (
        "no accuracy was measured: all images were trained on, and none kept to measure it on. `netwright validate "
        f"{out} --data_dir FOLDER` measures it on other images; --val_fraction 0.2 --validate, in another --out, keeps "
        "a fifth"
    )
