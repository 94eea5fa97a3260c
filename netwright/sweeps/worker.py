"""A worker process: imports torch and maps the images once, then trains one trial after another.

Started as `python -m netwright.sweeps.worker IMAGES THREADS DEVICE`. It reads a JSON line for each trial from standard
input and writes a JSON line for each event to standard output. A program of its own rather than a multiprocessing
child: it does not run the caller's main module again, and it ends when its parent does, because its standard input
ends then.
"""

from __future__ import annotations

import json
import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch

from netwright.arch import Arch
from netwright.data import ImageSet
from netwright.data.source import IntArray
from netwright.errors import OutputError, TrialError
from netwright.nn import build
from netwright.population import failure_of
from netwright.recipe import Recipe
from netwright.sweeps.executor import OUT_OF_MEMORY
from netwright.sweeps.folds import fold_of
from netwright.sweeps.state import read_state
from netwright.sweeps.trial import Epoch, evaluate, fit
from netwright.sweeps.trial_batches import Batches, on_device
from netwright.sweeps.weights import save_weights
from netwright.system.machine import keep_memory
from netwright.training.device import resolve_device

__all__ = ["failure_reason", "main", "train_trial"]


# how others than MemoryError say it: torch on a CPU (Linux, Windows), on a Mac, in cuBLAS and cuDNN
_NO_MEMORY = re.compile(r"can't allocate memory|not enough memory|out of memory|STATUS_ALLOC_FAILED", re.IGNORECASE)


def train_trial(
    trial: Mapping[str, Any],
    images: ImageSet,
    device: torch.device,
    on_epoch: Callable[[Epoch], None] | None = None,
    resident: torch.Tensor | None = None,
) -> dict[str, Any]:
    """Train one network.

    Args:
        trial: The fields of `TrialSpec`.
        images: What to train and evaluate on.
        device: Where to train.
        on_epoch: Called after each epoch.
        resident: The pixels of the images on the device (`on_device`), if they are there.

    Returns:
        error (percent), seconds, curve (one record an epoch).

    Raises:
        OutputError: The weights or the state cannot be written.
        TrialError: The network diverged. Whatever else torch raises is the network's fault too.
    """
    arch, recipe = Arch.from_dict(trial["arch"]), Recipe.from_dict(trial["recipe"])
    is_final = trial["split"] == "test"

    # of a space that draws resolutions, the images are as large as the largest
    side = arch.resolution if arch.resolution < images.resolution else None

    def batches(index: IntArray) -> Batches:
        norm = images.mean, images.std
        return Batches(images.images, images.labels, index, *norm, device, recipe.channels_last, resident, side)

    started = time.perf_counter()
    module = build(arch, seed=trial["seed"])
    learned, held_out = images.train, images.validation
    if is_final:
        learned = np.concatenate([images.train, images.validation])
    elif trial.get("fold"):
        learned, held_out = fold_of(images, *trial["fold"])
    start, keep = read_state(trial.get("start")), trial.get("state")
    epochs = fit(
        module,
        batches(learned),
        recipe,
        seed=trial["seed"],
        validation=None if is_final else batches(held_out),
        on_epoch=on_epoch,
        start=start if start is None or start.epochs < recipe.epochs else None,
        keep=None if keep is None else Path(keep),
    )
    test = evaluate(module, batches(images.test), recipe) if is_final else None
    error = epochs[-1].error if test is None else test.error
    if trial["weights"]:
        assert error is not None, "validation images were given"
        accuracy = {"top1": 100 - error} if test is None else {"top1": test.top1, "top5": test.top5, "loss": test.loss}
        save_weights(Path(trial["weights"]), module, images, trial, accuracy)
    return {
        "error": error,
        "seconds": time.perf_counter() - started,
        "curve": [epoch.to_dict() for epoch in epochs],
    }


class _Pruned(Exception):  # noqa: N818 - no error: the sweep ends the trial
    """The trial that is trained ends after this epoch."""


def failure_reason(error: BaseException) -> str:
    """Why a trial failed, in one line."""
    if isinstance(error, TrialError):
        return str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or _NO_MEMORY.search(str(error)):
        return f"{OUT_OF_MEMORY}: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".rstrip(": ")


def _train_all(images: ImageSet, device: torch.device, events: TextIO) -> None:
    """Trials from standard input, until this process is ended."""

    def report(kind: str, index: int, **values: Any) -> None:
        events.write(json.dumps({"kind": kind, "index": index, "values": values}) + "\n")
        events.flush()

    trials: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            trials.put(line)
        os._exit(0)  # the parent closed the pipe, or died: nobody waits for what is being trained

    threading.Thread(target=listen, daemon=True).start()
    resident = on_device(images.images, device)
    report("ready", -1)
    while True:
        trial = json.loads(trials.get())
        curve: list[dict[str, Any]] = []

        def on_epoch(epoch: Epoch, curve: list[dict[str, Any]] = curve, trial: Mapping[str, Any] = trial) -> None:
            curve.append(epoch.to_dict())
            report("epoch", trial["index"], **epoch.to_dict())
            is_last = epoch.epoch >= trial["recipe"]["epochs"]
            if trial.get("prunable") and not is_last and json.loads(trials.get())["stop"]:
                raise _Pruned

        try:
            result = train_trial(trial, images, device, on_epoch, resident)
        except _Pruned:
            last, epochs = curve[-1], trial["recipe"]["epochs"]
            reason = f"pruned after epoch {last['epoch']} of {epochs}: {last['error']:.2f}%"
            seconds = sum(each["seconds"] for each in curve)
            report("pruned", trial["index"], reason=reason, seconds=seconds, curve=curve)
        except OutputError as error:  # of the disk, not of the network
            report("unsaved", trial["index"], reason=str(error))
        except Exception as error:  # whatever a network does wrong is its trial's result
            reason = failure_reason(error)
            if isinstance(error, torch.AcceleratorError):  # nothing more can be computed on the device by this process
                sys.stderr.write(f"{reason}\n")
                sys.stderr.flush()
                os._exit(1)
            report("failed", trial["index"], reason=reason, curve=curve, failure=failure_of(reason))
        else:
            report("done", trial["index"], **result)
        if device.type != "cpu":
            torch.accelerator.empty_cache()


def main(arguments: list[str]) -> None:
    """arguments: IMAGES (the manifest of a saved ImageSet), THREADS, DEVICE."""
    manifest, threads, device = arguments
    # what libraries print must not mix with the events
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    torch.set_num_threads(int(threads))
    keep_memory()
    torch.set_flush_denormal(True)
    place = resolve_device(device)
    if place.type != "cpu":
        torch.accelerator.set_device_index(place.index or 0)
    _die_first()
    _train_all(ImageSet.open(manifest), place, events)


def _die_first() -> None:
    """Where memory runs out, Linux kills this process rather than the program that keeps the results."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


if __name__ == "__main__":
    main(sys.argv[1:])
