"""Check that a state belongs to this training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from netwright.data.class_weights import read_class_weights
from netwright.data.source import ImageSource
from netwright.errors import RecipeError
from netwright.loader.part_resize import PART_KERNEL
from netwright.recipe import TrainConfig
from netwright.training.distributed import Group
from netwright.training.preparation import DECODED_BEFORE
from netwright.training.setup import Setup

__all__ = ["Changes", "check_identity", "training_identity"]

_LONGEST = 60  # characters of a value in a message
# keys that may change when a training continues: they do not affect the weights
_MAY_CHANGE = frozenset(
    {
        *("out", "resume", "data_dir", "download", "workers", "timeout", "trackers", "log_interval", "state_interval"),
        *("checkpoint_interval", "checkpoint_policy", "checkpoint_keep", "distribute", "eval_shuffle"),
        *("until_epoch", "strict_resume", "early_stopping", "val_precision"),
    }
)
# these change the last bits of sums only
_ROUNDING = ("threads", "processor threads", "compile", "channels_last", "deterministic", "random parts by")
# with these the rest of the schedule is planned again
_REPLANNED = ("epochs",)
# validation itself changes nothing but with precise_bn, which it computes
_VALIDATION = ("validate", "val_interval")


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from the training in the folder, and is allowed to.

    Attributes:
        notices: To be said.
        epochs: How many there were to be; None where that is unchanged.
    """

    notices: tuple[str, ...] = ()
    epochs: int | None = None


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
        "random parts by": PART_KERNEL,
        **_file_of_weights(setup),
    }


def _file_of_weights(setup: Setup) -> dict[str, Any]:
    """What is in a file of class weights, as its name may stay while it changes."""
    path = setup.training.loss.class_weights
    if path in (None, "balanced"):
        return {}
    return {"weights of classes": read_class_weights(path, setup.train_split.class_names).tolist()}


def check_identity(before: dict[str, Any], now: dict[str, Any], out: Path, *, strict: bool = False) -> Changes:
    """Compare two identities.

    Args:
        before: Of the state.
        now: Of this training.
        out: The folder, for the message.
        strict: Refuse what changes the last bits, too, and another number of epochs.

    Raises:
        RecipeError: They differ in what makes it another training, with a list.
    """
    now = json.loads(json.dumps(now))  # with the types of JSON
    defaults = {key: value for key, value in json.loads(json.dumps(TrainConfig().to_flat())).items() if key in now}
    # a version without a key did what is now its default, but for what it did not say yet
    unsaid = {**DECODED_BEFORE, "random parts by": "pillow"}
    before = defaults | {key: value for key, value in unsaid.items() if key in now} | before
    names = [*before, *(key for key in now if key not in before)]
    other = [key for key in names if key not in _MAY_CHANGE and before.get(key) != now.get(key)]
    allowed = () if strict else (*_ROUNDING, *_REPLANNED, *(() if now.get("precise_bn") else _VALIDATION))
    refused = [key for key in other if key not in allowed]
    if refused:
        raise RecipeError(_refusal(before, now, out, refused, strict=strict))
    rounding = [_changed(before, now, key) for key in other if key in _ROUNDING and key != "threads"]
    notices = [f"{'; '.join(rounding)}: the training continues, with results that may differ in their last bits"]
    return Changes(tuple(notices if rounding else ()), before["epochs"] if "epochs" in other else None)


def _changed(before: dict[str, Any], now: dict[str, Any], key: str) -> str:
    if len(str(before.get(key))) >= _LONGEST:
        return f"{key} changed"
    return f"{key} was {before.get(key)!r} and is {now.get(key)!r}"


def _refusal(before: dict[str, Any], now: dict[str, Any], out: Path, keys: list[str], *, strict: bool) -> str:
    shown = "; ".join(_changed(before, now, key) for key in keys[:6])
    safe = sorted(
        (_MAY_CHANGE | {*_REPLANNED, *_VALIDATION, "threads", "compile"}) - {"out", "resume", "strict_resume"}
    )
    return (
        f"{out} holds another training: {shown}. Choose another --out, or give the earlier values. To start from its "
        f"weights: --checkpoint FILE --out OTHER. "
        + ("--strict_resume false allows more." if strict else f"These may change: {', '.join(safe)}.")
    )
