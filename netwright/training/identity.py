"""Whether a state is of this very training."""

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

__all__ = ["identity_of", "refuse_other"]

# keys that may differ between the parts of a training that was interrupted: they change no weights
_FREE = frozenset(
    {
        *("out", "resume", "data_dir", "download", "workers", "timeout", "trackers", "log_interval", "state_interval"),
        *("checkpoint_interval", "checkpoint_policy", "checkpoint_keep", "distribute", "eval_shuffle"),
    }
)


def identity_of(setup: Setup, group: Group) -> dict[str, Any]:
    """What must be the same when a training goes on."""
    source: ImageSource = setup.train_split.source
    flat = {key: value for key, value in setup.training.to_flat().items() if key not in _FREE}
    return flat | {
        "network": setup.arch.to_dict(),
        "images": source.signature,
        "training images": len(setup.train_split),
        "processes": group.world,
        "processor threads": torch.get_num_threads(),
        "kind of device": group.device.type,
    }


def refuse_other(before: dict[str, Any], now: dict[str, Any], out: Path) -> None:
    """RecipeError, with what differs, unless both are equal."""
    now = json.loads(json.dumps(now))  # as it would read back
    defaults = {key: value for key, value in json.loads(json.dumps(TrainConfig().to_flat())).items() if key in now}
    before = defaults | before  # a version that did not know a key yet did what is now its default
    other = [key for key in (*before, *(key for key in now if key not in before)) if before.get(key) != now.get(key)]
    if not other:
        return
    shown = "; ".join(
        f"{key} was {before.get(key)!r} and is {now.get(key)!r}" if len(str(before.get(key))) < 60 else f"{key} changed"
        for key in other[:6]
    )
    raise RecipeError(
        f"{out} holds another training: {shown}. Choose another --out, or give the values of before. To start from its "
        "weights: --checkpoint FILE --out OTHER."
    )
