"""The weights of a trial as a file, in the format of all weights of netwright."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netwright.data import ImageSet, Preprocessing
from netwright.nn import AnyNet
from netwright.system.atomic import remove_abandoned, write_bytes
from netwright.version import __version__

__all__ = ["preprocessing_for", "save_weights"]

_ELSEWHERE = "another --out. The same command continues with what is finished"


def preprocessing_for(images: ImageSet) -> Preprocessing:
    """How a network that is trained on these images sees others: as `load_images` and `Batches` prepare them."""
    # in float32, as Batches computes them
    mean, std = (
        tuple(float(np.float32(value) * np.float32(255)) for value in values) for values in (images.mean, images.std)
    )
    return Preprocessing(
        images.resolution,
        images.channels,
        crop_pct=1.0,
        crop_first=True,
        mean=mean,
        std=std,
        background=images.background,
        resize=images.resize,
        full_scale=images.full_scale,
    )


def save_weights(
    path: Path, module: AnyNet, images: ImageSet, trial: Mapping[str, Any], accuracy: Mapping[str, float | None]
) -> None:
    """Write what `load_model` opens: weights, architecture, preprocessing, class names, and facts of the training.

    Args:
        path: Of the file, which is whole or not there.
        module: The trained network.
        images: What it was trained on.
        trial: The fields of `TrialSpec`.
        accuracy: Of the trial's split: top1 and perhaps top5 in percent, and loss.

    Raises:
        OutputError: The file cannot be written.
    """
    from netwright.weights.save import model_bytes  # it takes a moment to import, and most sweeps keep no weights

    epochs = trial["recipe"]["epochs"]
    facts: dict[str, Any] = {
        "trial": trial["index"],
        "seed": trial["seed"],
        "epoch": epochs,
        "epochs": epochs,
        "weights": "as trained",
        trial["split"]: dict(accuracy),
        "dataset": images.name,
        "splits": images.provenance,
        **({} if images.cut is None else {"images": images.cut.to_dict()}),
        "recipe": dict(trial["recipe"]),
        "netwright": __version__,
        "torch": torch.__version__,
    }
    preprocessing = preprocessing_for(images)
    content = model_bytes(module, preprocessing=preprocessing, class_names=images.class_names, facts=facts)
    remove_abandoned(path, 0.0)  # of a killed worker: one at a time trains a trial
    write_bytes(path, content, what=f"the weights of trial {trial['index']}", elsewhere=_ELSEWHERE)
