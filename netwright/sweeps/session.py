"""What is kept about a sweep besides its trials: the images, and what trained on them."""

from __future__ import annotations

from typing import Any

from netwright.data import ImageSet
from netwright.system.machine import hardware, versions

__all__ = ["data_facts", "session_facts"]


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
    }


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
