"""The keys of the MindCV toolbox, as one table from MindCV's to ours. A key that it does not list means the same here.

Taken from MindCV 0.5.0 and its history. Ours differ only where MindCV's mislead (`epoch_size` is no size).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netwright.errors import RecipeError
from netwright.options import TRUTHS

__all__ = ["MINDCV", "Meaningless", "Renamed", "translate"]


@dataclass(frozen=True, slots=True)
class Renamed:
    """A key of MindCV's that is `key` here.

    Attributes:
        key: Our name.
        values: MindCV's value -> ours, in any case; others stay as they are.
        closed: No other values are allowed.
        notices: MindCV's value -> what is different here.
    """

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    closed: bool = False
    notices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Meaningless:
    """A key of MindCV's that has no meaning here.

    Attributes:
        reason: Why not.
        values: All values that MindCV allows; empty for any.
        silent: Values that need no notice, since ignoring them changes nothing.
    """

    reason: str
    values: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


_LEVELS = {"O0": "fp32", "O1": "half", "O2": "half", "O3": "half"}
_TRUE_OR_FALSE = ("True", "False")
_AUTOMATIC = "{} means device auto: an accelerator where there is one, else the processor"
_CLOUD = Meaningless("folders of Huawei's ModelArts cloud; give data_dir and out")

# clip_grad and clip_value together are our clip_norm: netwright/recipe/load.py
MINDCV: Mapping[str, Renamed | Meaningless] = {
    "amp_cast_list": Meaningless("torch's autocast has its own list of what runs in half", silent=("None", "", "[]")),
    "amp_level": Renamed(
        "precision", _LEVELS, closed=True, notices={"O3": "amp_level O3 leaves batch norm in fp32 here, as O2 does"}
    ),
    "aux_factor": Meaningless("no network here has auxiliary heads", silent=("0", "0.0")),
    "ckpt_path": Renamed("checkpoint"),
    "ckpt_save_dir": Renamed("out"),
    "ckpt_save_interval": Renamed("checkpoint_interval"),
    "ckpt_save_policy": Renamed("checkpoint_policy", {"None": "all", "null": "all", "": "all"}),
    "ckpt_url": _CLOUD,
    "config": Meaningless("a recipe does not include another; this one was saved with the name of its origin"),
    "data_url": _CLOUD,
    "dataset_download": Renamed("download"),
    "dataset_sink_mode": Meaningless("MindSpore's way to feed its devices", _TRUE_OR_FALSE),
    "device_target": Renamed(
        "device",
        {"Ascend": "auto", "GPU": "auto", "CPU": "cpu"},
        closed=True,
        notices={"Ascend": _AUTOMATIC.format("device_target Ascend"), "GPU": _AUTOMATIC.format("device_target GPU")},
    ),
    "drop_remainder": Renamed("drop_last"),
    "dynamic_loss_scale": Renamed("loss_scale_type", {"True": "dynamic", "False": "fixed"}, closed=True),
    "enable_modelarts": Meaningless("Huawei's ModelArts cloud", _TRUE_OR_FALSE, silent=("False",)),
    "epoch_size": Renamed("epochs"),
    # True filtered nothing there, whatever its name says: the optimizer's own decay was set on all groups as well
    "filter_bias_and_bn": Renamed("weight_decay_filter", {"True": "disable", "False": "auto"}, closed=True),
    "gradient_accumulation_steps": Renamed("accumulate"),
    "in_chans": Renamed("in_channels"),  # timm's name
    "image_resize": Renamed("image_size"),
    "keep_checkpoint_max": Renamed("checkpoint_keep"),
    "mode": Meaningless("graph or eager; compile is the nearest", ("0", "1")),
    "multi_data_url": _CLOUD,
    "multi_step_decay_milestones": Renamed("milestones"),
    "num_parallel_workers": Renamed("workers"),
    "opt": Renamed("optimizer", {"nesterov": "momentum"}),  # there, too, use_nesterov decides
    "resume_opt": Renamed("resume_optimizer"),
    "save_checkpoint": Meaningless("weights are always saved", _TRUE_OR_FALSE, silent=("True",)),
    "scheduler": Renamed(
        "scheduler",
        {
            "cosine_annealing": "cosine_decay",
            "cosineannealing": "cosine_decay",
            "warmup_cosine_decay": "cosine_decay",
        },
    ),
    "train_url": _CLOUD,
    "use_clip_grad": Renamed("clip_grad"),
    "use_ema": Renamed("ema"),
    "use_nesterov": Renamed("nesterov"),
    "val_amp_level": Renamed("val_precision", _LEVELS, closed=True),
    "val_while_train": Renamed("validate"),
}


def translate(name: str, written: Any, table: Mapping[str, Renamed | Meaningless] = MINDCV) -> tuple[str, Any, str]:
    """What a key that a recipe or a flag sets means here.

    Args:
        name: The key.
        written: Its value.
        table: Of the keys of others.

    Returns:
        (our key, value, notice). The key is "" for one that has no meaning here, and its notice says why; an empty
        notice is none.

    Raises:
        RecipeError: The key has a closed table of values, and this is none of them.
    """
    row = table.get(name)
    if row is None:
        return name, written, ""
    word = _word(written, [*row.values, *(row.silent if isinstance(row, Meaningless) else ())])
    if word not in row.values and (row.closed if isinstance(row, Renamed) else row.values):
        raise RecipeError(f"{name} is one of {', '.join(row.values)}, not {written!r}. Correct '{name}'.")
    if isinstance(row, Meaningless):
        return "", None, "" if word in row.silent else f"{name} ({row.reason})"
    return row.key, row.values.get(word, written), row.notices.get(word, "")


def _word(written: Any, values: Sequence[str]) -> str:
    """A value as the table spells it."""
    text = str(written).strip()
    if "True" in values and text.lower() in TRUTHS:
        return str(TRUTHS[text.lower()])
    return next((known for known in values if known.lower() == text.lower()), text)
