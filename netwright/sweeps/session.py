"""What is kept about a sweep besides its trials: the images, and what trained on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from netwright.data import ImageSet
from netwright.data.source import IntArray
from netwright.stats.guessing import commonest_class
from netwright.system.machine import hardware, versions

__all__ = ["data_facts", "guess_error", "session_facts"]


def data_facts(images: ImageSet) -> dict[str, Any]:
    """What is known of the images, for the record."""
    return {
        "name": images.name,
        "fingerprint": images.fingerprint,
        "resolution": images.resolution,
        "channels": images.channels,
        "classes": images.num_classes,
        "train": len(images.train),
        "validation": len(images.validation),
        "test": len(images.test),
        "guess_error": guess_error(images),
    }


def guess_error(images: ImageSet, split: IntArray | None = None) -> float:
    """Percent of the images that are wrong where the answer is always their commonest class.

    Args:
        images: All of them.
        split: Rows of those that are meant; the validation images where left out.
    """
    rows = images.validation if split is None else split
    return 100 * (1 - commonest_class(np.bincount(images.labels[rows]))[1]) if len(rows) else 100.0


def session_facts(threads: int, devices: tuple[str, ...], command: str, splits: str) -> dict[str, Any]:
    """What trains now. splits: where the splits of the images come from, as a sentence."""
    models = list(devices)
    if devices != ("cpu",):
        import torch

        from netwright.training.device import device_name

        models = [f"{torch.device(device).type}: {device_name(torch.device(device))}" for device in devices]
    return {
        "versions": versions(),
        "hardware": hardware(),
        "devices": sorted(set(models)),
        "threads": threads,
        "command": command,
        "splits": splits,
    }
