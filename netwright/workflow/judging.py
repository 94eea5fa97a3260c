"""What trained networks answer to images: to estimate the pick's error honestly, and accuracies class by class."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from netwright.data import ImageSet
from netwright.data.source import IntArray
from netwright.errors import NetwrightError, StatsError
from netwright.stats.chosen import ChosenError, chosen_error
from netwright.workflow.finalists import Standing

__all__ = ["balanced_error", "expected_error", "wrong_answers"]

_LOG = logging.getLogger(__name__)

_BATCH = 100


def expected_error(standing: Standing, images: ImageSet, seed: int) -> ChosenError | None:
    """What the pick's error is to be expected on new images; None where that cannot be told, which is logged.

    Args:
        standing: Of the last rung, whose lowest error is the pick.
        images: Their validation images, or those that were in the parts, are not new to who chose.
        seed: Of the bootstrap.
    """
    rows: list[npt.NDArray[np.float64]] = []
    try:
        for name in standing.errors:
            rows.append(_wrong_of(standing, name, images))
        return chosen_error(rows, seed=seed)
    except (NetwrightError, OSError) as error:
        if not isinstance(error, StatsError):
            _LOG.warning("the error that is to be expected of the pick is not known: %s", error)
        return None


def _wrong_of(standing: Standing, name: str, images: ImageSet) -> npt.NDArray[np.float64]:
    """(seeds, images) of one network, or (1, images) of its cross-validation."""
    folds, files = standing.rung.folds, standing.weights[name]
    if not folds:
        return np.stack([wrong_answers(path, images, images.validation) for path in files]).astype(np.float64)
    from netwright.sweeps.folds import fold_of

    parts = [fold_of(images, k, folds)[1] for k in range(folds)]
    wrong = [wrong_answers(path, images, rows) for path, rows in zip(files, parts, strict=True)]
    order = np.argsort(np.concatenate(parts), kind="stable")
    return np.asarray(np.concatenate(wrong)[order][None], np.float64)


def wrong_answers(weights: Path, images: ImageSet, rows: IntArray) -> npt.NDArray[np.bool_]:
    """Whether each image is classified wrongly: (n,). NetwrightError where the weights cannot be read."""
    from netwright.runtime import open_runtime

    found = []
    with open_runtime(weights, runtime="torch") as runtime:
        for start in range(0, len(rows), _BATCH):
            chosen = rows[start : start + _BATCH]
            logits = np.asarray(runtime.logits(runtime.normalize(np.asarray(images.images[chosen]))))
            found.append(logits.argmax(axis=1) != images.labels[chosen])
    return np.concatenate(found) if found else np.zeros(0, bool)


def balanced_error(weights: Sequence[Path], images: ImageSet, rows: IntArray) -> list[float]:
    """Percent: the mean over classes of the share that is wrong, for each file. Empty where one cannot be read."""
    found, labels = [], images.labels[rows]
    try:
        for path in weights:
            wrong = wrong_answers(path, images, rows)
            found.append(100 * float(np.mean([wrong[labels == label].mean() for label in np.unique(labels)])))
    except (NetwrightError, OSError) as error:
        _LOG.warning("the accuracy class by class is not known: %s", error)
        return []
    return found
