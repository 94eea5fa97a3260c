"""Settle how a training decodes its images, before they are loaded: what it says, what they are, what it did before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netwright.data.decode_rules import BY_FILE, HIGH_BYTE
from netwright.data.elongated import elongated_warning
from netwright.data.full_scale import find_full_scale
from netwright.data.preprocess import Preprocessing
from netwright.loader import Split, signal_warnings
from netwright.recipe import TrainConfig
from netwright.training.distributed import Group
from netwright.training.state import latest_metadata

__all__ = ["DECODED_BEFORE", "settle_preparation"]

# how version 0.1 decoded images, which did not say it: a training of it goes on like that
DECODED_BEFORE: Mapping[str, Any] = {"background": "black", "full_scale": HIGH_BYTE}


def settle_preparation(training: TrainConfig, split: Split, group: Group) -> tuple[TrainConfig, list[str]]:
    """The training with its full_scale, and what the user should know of the images.

    Args:
        training: As given.
        split: The images to train on.
        group: The ranks: the first one looks.
    """
    found = _look(training, split) if group.is_primary else None
    changes, notices = group.broadcast(found)
    return training.with_(**changes), notices


def _look(training: TrainConfig, split: Split) -> tuple[dict[str, Any], list[str]]:
    changes: dict[str, Any] = {}
    notices: list[str] = []
    checkpoints = training.checkpoints
    before = latest_metadata(Path(checkpoints.out) / "state") if checkpoints.resume else None
    if before is not None and "background" not in before.get("identity", {"background": ""}):
        changes |= DECODED_BEFORE
    elif training.augmentation.full_scale is None:
        full_scale, notice = find_full_scale(lambda position: split.read(position).data, len(split))
        changes |= {} if full_scale == BY_FILE else {"full_scale": full_scale}
        notices += [notice] if notice else []
    long = elongated_warning(lambda number: split.read(number).data, len(split), training.augmentation.resize)
    notices += [long] if long else []
    return changes, [*notices, *signal_warnings(split, Preprocessing.from_training(training.with_(**changes)))]
