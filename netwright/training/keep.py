"""Which weights of a training are kept, and under what names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from netwright.recipe import Checkpoints
from netwright.training.records import EpochRecord

__all__ = ["epochs_to_keep", "is_kept", "keep", "weights_name"]


def weights_name(model: str, epoch: int, steps: int, *, average: bool = False) -> str:
    """As MindCV names them: model-epoch_steps; `_ema` for the moving average."""
    return f"{model}-{epoch}_{steps}{'_ema' if average else ''}.safetensors"


def is_kept(checkpoints: Checkpoints, epoch: int, epochs: int) -> bool:
    """Whether an epoch's weights are written at all."""
    return epoch % checkpoints.checkpoint_interval == 0 or epoch == epochs


def epochs_to_keep(checkpoints: Checkpoints, records: Sequence[EpochRecord], epochs: int) -> set[int]:
    """latest_k: the last ones; top_k: those of the highest validation top-1, of equal ones the later; all."""
    written = [record for record in records if is_kept(checkpoints, record.epoch, epochs)]
    if checkpoints.checkpoint_policy == "top_k":
        written.sort(key=lambda record: (-1.0 if record.best is None else record.best.top1, record.epoch))
    if checkpoints.checkpoint_policy != "all":
        written = written[-checkpoints.checkpoint_keep :]
    return {record.epoch for record in written}


def keep(
    folder: Path,
    model: str,
    steps: int,
    epochs: int,
    checkpoints: Checkpoints,
    records: Sequence[EpochRecord],
    save: Callable[[Path, bool], None],
    averages: Sequence[bool],
) -> None:
    """Write the last record's weights where the policy keeps them, then remove what it no longer keeps.

    save: (path, of the moving average?); averages: which of both there are.
    """
    kept = epochs_to_keep(checkpoints, records, epochs)
    last = records[-1].epoch
    for average in averages:
        if last in kept:
            save(folder / weights_name(model, last, steps, average=average), average)
        for record in records:
            if record.epoch not in kept:
                with suppress(FileNotFoundError):
                    (folder / weights_name(model, record.epoch, steps, average=average)).unlink()
