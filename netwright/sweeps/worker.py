"""A worker process: imports torch and maps the images once, then trains one job after another.

Started as `python -m netwright.sweeps.worker IMAGES THREADS DEVICE`; a JSON line a job on standard input, a JSON line
an event on standard output. A plain program rather than a multiprocessing child: it does not run the caller's main
module again, and it ends when its parent does, because its standard input then ends.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch

from netwright.arch import Arch
from netwright.data import ImageSet
from netwright.errors import OutputError, TrialError
from netwright.nn import build
from netwright.recipe import Recipe
from netwright.sweeps.trial import Epoch, evaluate, fit
from netwright.sweeps.trial_batches import Batches
from netwright.system.atomic import remove_abandoned, write_bytes
from netwright.system.machine import keep_memory

__all__ = ["main", "train_job"]

_ELSEWHERE = "another --out. The same command continues with what is finished"


def train_job(job: dict[str, Any], images: ImageSet, device: torch.device, on_epoch: Any = None) -> dict[str, Any]:
    """Train one job (the fields of `Job`); returns error (percent), seconds, curve. Raises what training raises."""
    arch, recipe = Arch.from_dict(job["arch"]), Recipe.from_dict(job["recipe"])
    testing = job["split"] == "test"

    def batches(index: Any) -> Batches:
        return Batches(
            images.images, images.labels, index, images.mean, images.std, device, channels_last=recipe.channels_last
        )

    started = time.perf_counter()
    module = build(arch, seed=job["seed"])
    train = batches(np.concatenate([images.train, images.validation]) if testing else images.train)
    epochs = fit(
        module,
        train,
        recipe,
        seed=job["seed"],
        validation=None if testing else batches(images.validation),
        on_epoch=on_epoch,
    )
    last = evaluate(module, batches(images.test), recipe) if testing else None
    if job["weights"]:
        _save(module, Path(job["weights"]), _metadata(arch, images), job["index"])
    return {
        "error": epochs[-1].error if last is None else last.error,
        "seconds": time.perf_counter() - started,
        "curve": [epoch.to_dict() for epoch in epochs],
    }


def _metadata(arch: Arch, images: ImageSet) -> dict[str, str]:
    """What a file of weights says of itself, as safetensors has it: text, here JSON."""
    plain: dict[str, Any] = {"arch": arch.to_dict(), "resolution": images.resolution, "class_names": images.class_names}
    plain |= {"mean": images.mean, "std": images.std}
    return {"format": "pt"} | {name: json.dumps(value) for name, value in plain.items()}


def _save(module: torch.nn.Module, path: Path, metadata: dict[str, str], index: int) -> None:
    """A whole file or none. Raises OutputError where it cannot be written."""
    from safetensors.torch import save

    tensors = {name: value.contiguous() for name, value in module.state_dict().items()}
    remove_abandoned(path, 0.0)  # of a killed worker: one at a time trains a trial
    # the bytes are written here, because the library's own writer hides which error it met
    write_bytes(path, save(tensors, metadata), what=f"the weights of trial {index}", elsewhere=_ELSEWHERE)


def _reason(error: BaseException) -> str:
    if isinstance(error, TrialError):
        return str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return f"out of memory: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".rstrip(": ")


def _serve(images: ImageSet, device: torch.device, events: TextIO) -> None:
    def say(kind: str, index: int, **values: Any) -> None:
        events.write(json.dumps({"kind": kind, "index": index, "values": values}) + "\n")
        events.flush()

    jobs: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            jobs.put(line)
        os._exit(0)  # the parent closed the pipe, or died: nobody waits for what is being trained

    threading.Thread(target=listen, daemon=True).start()
    say("ready", -1)
    while True:
        job = json.loads(jobs.get())
        curve: list[dict[str, Any]] = []

        def on_epoch(epoch: Epoch, curve: list[dict[str, Any]] = curve, index: int = job["index"]) -> None:
            curve.append(epoch.to_dict())
            say("epoch", index, **epoch.to_dict())

        try:
            result = train_job(job, images, device, on_epoch)
        except OutputError as error:  # of the disk, not of the network
            say("unsaved", job["index"], reason=str(error))
        except Exception as error:  # whatever a network does wrong is its trial's result
            say("failed", job["index"], reason=_reason(error), curve=curve)
        else:
            say("done", job["index"], **result)
        if device.type != "cpu":
            torch.accelerator.empty_cache()


def main(arguments: list[str]) -> None:
    """IMAGES (the manifest of a saved ImageSet), THREADS, DEVICE."""
    manifest, threads, device = arguments
    # what libraries print must not mix with the events
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    torch.set_num_threads(int(threads))
    keep_memory()
    torch.set_flush_denormal(True)
    place = torch.device(device)
    if place.type != "cpu":
        torch.accelerator.set_device_index(place.index or 0)
    _die_first()
    _serve(ImageSet.open(manifest), place, events)


def _die_first() -> None:
    """Where memory runs out, Linux ends this process rather than the program that keeps the results."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


if __name__ == "__main__":
    main(sys.argv[1:])
