"""Keys that other programs made common (timm, torchvision, DeiT, Ultralytics, Keras), as one table from theirs to ours.

A key that is known here means what it means here, whatever it is elsewhere: `clip_grad` is MindCV's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netwright.errors import RecipeError
from netwright.recipe.mindcv import Renamed

__all__ = ["COMMON", "INPUT_SIZE", "input_size_parts"]

# timm's key of three numbers, which is two of ours
INPUT_SIZE = "input_size"

COMMON: Mapping[str, Renamed] = {
    "aa": Renamed("auto_augment"),
    "accum_iter": Renamed("accumulate"),
    "amp": Renamed("precision", {"True": "half", "False": "fp32"}, closed=True),
    "arch": Renamed("model"),
    "data_path": Renamed("data_dir"),
    "drop": Renamed("drop_rate"),
    "drop_path": Renamed("drop_path_rate"),
    "early_stopping_patience": Renamed("early_stopping"),
    "finetune": Renamed("checkpoint"),
    "grad_accum_steps": Renamed("accumulate"),
    "img_size": Renamed("image_size"),
    "initial_checkpoint": Renamed("checkpoint"),
    "input_size": Renamed("image_size"),
    "learning_rate": Renamed("lr"),
    "model_ema": Renamed("ema", {"True": True, "False": False}, closed=True),
    "model_ema_decay": Renamed("ema_decay"),
    "num_epochs": Renamed("epochs"),
    "num_workers": Renamed("workers"),
    "output_dir": Renamed("out"),
    "patience": Renamed("early_stopping"),
    "recount": Renamed("re_max_attempts"),
    "reprob": Renamed("re_prob"),
    "sched": Renamed(
        "scheduler",
        {"cosine": "cosine_decay", "step": "step_decay", "multistep": "multi_step_decay", "poly": "polynomial_decay"},
    ),
    "smoothing": Renamed("label_smoothing"),
    "torchcompile": Renamed("compile", {"True": True, "False": False, "inductor": True}, closed=True),
    "train_interpolation": Renamed("interpolation"),
    "wd": Renamed("weight_decay"),
}


def input_size_parts(written: Any) -> dict[str, Any]:
    """Our key -> value of an `input_size`: timm's channels, height and width, or one side as others have it.

    Args:
        written: As YAML or a command line has it: [3, 96, 96], "3 96 96", 96.

    Raises:
        RecipeError: The images are not square, or there are two numbers, or more than three.
    """
    words = written if isinstance(written, list | tuple) else str(written).strip("[]() ").replace(",", " ").split()
    if len(words) <= 1:
        return {"image_size": words[0] if words else written}
    if len(words) != 3 or str(words[1]) != str(words[2]):
        text = " ".join(map(str, words))
        raise RecipeError(
            f"{INPUT_SIZE} is one side, or channels, height and width of square images (3 224 224), not {text}. "
            f"Correct '{INPUT_SIZE}', or give --image_size."
        )
    return {"in_channels": words[0], "image_size": words[1]}
