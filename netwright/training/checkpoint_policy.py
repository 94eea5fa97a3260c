"""Which weights of a training are kept, and their file names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from netwright.recipe import Checkpoints
from netwright.training.records import EpochRecord

__all__ = ["epochs_to_keep", "is_saved", "save_and_prune", "weights_file_name"]


def weights_file_name(model: str, epoch: int, steps: int, *, is_ema: bool = False) -> str:
    """The file name of weights, as in MindCV: model-epoch_steps, with `_ema` for the moving average."""
    return f"{model}-{epoch}_{steps}{'_ema' if is_ema else ''}.safetensors"


def is_saved(checkpoints: Checkpoints, epoch: int, epochs: int) -> bool:
    """Whether the weights of an epoch are written at all.

    Args:
        checkpoints: Has the interval.
        epoch: 1, 2, ...
        epochs: Of the whole training.
    """
    return epoch % checkpoints.checkpoint_interval == 0 or epoch == epochs


def epochs_to_keep(checkpoints: Checkpoints, records: Sequence[EpochRecord], epochs: int) -> set[int]:
    """The epochs whose weights are kept.

    Args:
        checkpoints: Has the policy: latest_k keeps the last k epochs; top_k the k with the highest validation top-1,
            the later of equal ones; all keeps all.
        records: Of the epochs so far.
        epochs: Of the whole training.
    """
    written = [record for record in records if is_saved(checkpoints, record.epoch, epochs)]
    if checkpoints.checkpoint_policy == "top_k":
        written.sort(key=lambda record: (-1.0 if record.best is None else record.best.top1, record.epoch))
    if checkpoints.checkpoint_policy != "all":
        written = written[-checkpoints.checkpoint_keep :]
    return {record.epoch for record in written}


def save_and_prune(
    folder: Path,
    model: str,
    steps: int,
    epochs: int,
    checkpoints: Checkpoints,
    records: Sequence[EpochRecord],
    save: Callable[[Path, bool], None],
    *,
    has_ema: bool,
) -> None:
    """Save the weights of the last epoch if the policy keeps them, then remove those that it no longer keeps.

    Args:
        folder: Of the training.
        model: Name of the network.
        steps: Of an epoch.
        epochs: Of the training.
        checkpoints: Has the policy.
        records: Of the epochs so far.
        save: Called with a path, and whether to save the moving average.
        has_ema: Whether there is a moving average.
    """
    kept = epochs_to_keep(checkpoints, records, epochs)
    last = records[-1].epoch
    for is_ema in (False, True) if has_ema else (False,):
        if last in kept:
            save(folder / weights_file_name(model, last, steps, is_ema=is_ema), is_ema)
        for record in records:
            if record.epoch not in kept:
                with suppress(FileNotFoundError):
                    (folder / weights_file_name(model, record.epoch, steps, is_ema=is_ema)).unlink()
