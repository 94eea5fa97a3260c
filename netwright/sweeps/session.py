"""What is kept about a sweep besides its trials: the images, and what trained on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from netwright.data import ImageSet
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


def guess_error(images: ImageSet) -> float:
    """Percent of the validation images that are wrong where the answer is always their commonest class."""
    if not len(images.validation):
        return 100.0
    return 100 * (1 - commonest_class(np.bincount(images.labels[images.validation]))[1])


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
