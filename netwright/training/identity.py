"""Check that a state belongs to this training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from netwright.data.source import ImageSource
from netwright.errors import RecipeError
from netwright.recipe import TrainConfig
from netwright.training.distributed import Group
from netwright.training.setup import Setup

__all__ = ["check_identity", "training_identity"]

# keys that may change when a training is resumed: they do not affect the weights
_MAY_CHANGE = frozenset(
    {
        *("out", "resume", "data_dir", "download", "workers", "timeout", "trackers", "log_interval", "state_interval"),
        *("checkpoint_interval", "checkpoint_policy", "checkpoint_keep", "distribute", "eval_shuffle"),
    }
)


def training_identity(setup: Setup, group: Group) -> dict[str, Any]:
    """The values that must be the same when a training is resumed."""
    source: ImageSource = setup.train_split.source
    flat = {key: value for key, value in setup.training.to_flat().items() if key not in _MAY_CHANGE}
    return flat | {
        "network": setup.arch.to_dict(),
        "images": source.signature,
        "training images": len(setup.train_split),
        "processes": group.world,
        "processor threads": torch.get_num_threads(),
        "kind of device": group.device.type,
    }


def check_identity(before: dict[str, Any], now: dict[str, Any], out: Path) -> None:
    """Check that two identities are the same.

    Args:
        before: Of the state.
        now: Of this training.
        out: The folder, for the message.

    Raises:
        RecipeError: They differ, with a list.
    """
    now = json.loads(json.dumps(now))  # with the types of JSON
    defaults = {key: value for key, value in json.loads(json.dumps(TrainConfig().to_flat())).items() if key in now}
    before = defaults | before  # a version without a key did what is now its default
    other = [key for key in (*before, *(key for key in now if key not in before)) if before.get(key) != now.get(key)]
    if not other:
        return
    shown = "; ".join(
        f"{key} was {before.get(key)!r} and is {now.get(key)!r}" if len(str(before.get(key))) < 60 else f"{key} changed"
        for key in other[:6]
    )
    raise RecipeError(
        f"{out} holds another training: {shown}. Choose another --out, or give the earlier values. To start from its "
        "weights: --checkpoint FILE --out OTHER."
    )
