"""Experiment trackers: TensorBoard and Weights & Biases, each an extra, behind one protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from netwright.errors import RecipeError
from netwright.system.extras import optional

__all__ = ["TRACKERS", "Tracker", "open_trackers"]


class Tracker(Protocol):
    """Logs numbers by name, once per epoch."""

    def log(self, values: Mapping[str, float], epoch: int) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """Writes event files to folder/tensorboard."""

    def __init__(self, folder: Path, recipe: Mapping[str, Any], epoch: int) -> None:
        optional("tensorboard", "tensorboard")
        from torch.utils.tensorboard import SummaryWriter

        # removes what a killed process wrote about later epochs
        self._writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=epoch)
        self._writer.add_text("recipe", "\n".join(f"    {key}: {value}" for key, value in recipe.items()), 0)

    def log(self, values: Mapping[str, float], epoch: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class WandB:
    """Writes an offline run to folder/wandb, which `wandb sync` uploads; WANDB_MODE=online uploads at once."""

    def __init__(self, folder: Path, recipe: Mapping[str, Any], epoch: int) -> None:
        import os

        wandb = optional("wandb", "wandb")
        mode: Any = os.environ.get("WANDB_MODE", "offline")
        self._run: Any = wandb.init(dir=str(folder), config=dict(recipe), mode=mode, project="netwright")

    def log(self, values: Mapping[str, float], epoch: int) -> None:
        self._run.log(dict(values), step=epoch)

    def close(self) -> None:
        self._run.finish()


TRACKERS: Mapping[str, type[TensorBoard] | type[WandB]] = {"tensorboard": TensorBoard, "wandb": WandB}


def open_trackers(names: Sequence[str], folder: Path, recipe: Mapping[str, Any], epoch: int) -> list[Tracker]:
    """Open trackers by name.

    Args:
        names: Keys of TRACKERS.
        folder: Of the training.
        recipe: Its keys and values.
        epoch: The first one that will be logged.

    Raises:
        RecipeError: A name is unknown, or its library is not installed.
    """
    opened: list[Tracker] = []
    for name in names:
        if name not in TRACKERS:
            raise RecipeError(f"trackers are some of {', '.join(TRACKERS)}, not {name!r}. Choose among these.")
        opened.append(TRACKERS[name](folder, recipe, epoch))
    return opened
