"""The images of a run for its export: int8 is calibrated on what it learned, and measured on what it has never seen."""

from __future__ import annotations

import numpy as np

from netwright.exports.labeled import Labeled, images_of, refuse_calibration, spread_classes
from netwright.loader.run_images import RunImages
from netwright.loader.split import Split
from netwright.weights import LoadedModel

__all__ = ["labeled_run"]


def labeled_run(
    images: RunImages, model: LoadedModel, *, calibration: int, evaluation: int | None, seed: int
) -> tuple[Labeled, Labeled | None]:
    """Choose among the images of a run.

    Args:
        images: Of the run.
        model: The network.
        calibration: At most so many, of those that it was trained on.
        evaluation: At most so many, of those that it was not trained on; None for all.
        seed: By which they are drawn.

    Returns:
        Images to calibrate with, and images to measure with: None where it was trained on all.

    Raises:
        DataError: If their classes are not the network's, or calibration takes no such number.
    """
    refuse_calibration(calibration)
    rng = np.random.default_rng(seed)
    train = images.parts["train"]
    chosen = spread_classes(train.index, train.source.labels, calibration, rng)
    text = f"{len(chosen):,} images of {train.source.name} that it was trained on"
    unseen = _unseen(images)
    if unseen is None:
        return images_of(train.source, chosen, model, text), None
    rest = unseen.index
    if evaluation is not None and len(rest) > evaluation:
        rest = np.sort(rng.permutation(rest)[:evaluation])
    name = next(name for name, part in images.parts.items() if part is unseen)
    text_of_rest = f"{len(rest):,} images of {unseen.source.name} that it was not trained on ({name})"
    return images_of(train.source, chosen, model, text), images_of(unseen.source, rest, model, text_of_rest)


def _unseen(images: RunImages) -> Split | None:
    """The images that the run judged the network by, else others that it was not trained on."""
    order = (images.measured, "validation", "test")
    return next((images.parts[name] for name in order if name in images.parts and name not in images.trained_on), None)
