"""How fast this machine trains: a few steps of a few networks, in as many processes at once as workers will train.

Each process is `python -m netwright.workflow.speed THREADS DEVICE SECONDS`: networks and recipes come as one line of
JSON on its standard input, seconds leave on its standard output. Processes of their own rather than this one: with the
threads and the memory of a worker, and beside as many neighbors, they are as fast as a worker is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import PopulationError

if TYPE_CHECKING:
    from netwright.arch import Arch
    from netwright.recipe import Recipe

__all__ = ["Speed", "measure_speeds"]

_MOST_PROCESSES = 8  # more neighbors say little more
_STEP_SECONDS = 0.7  # for so long a network trains
_MOST_STEPS = 100
_PATIENCE = 120.0  # seconds for torch to be imported, beside the measurement itself


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of one image.

    Attributes:
        train: In a step of training, its augmentation included.
        evaluate: In an evaluation.
    """

    train: float
    evaluate: float


def measure_speeds(
    networks: Sequence[Arch], recipes: Sequence[Recipe], *, workers: int, threads: int, device: str, seconds: float
) -> tuple[list[Speed | None], float]:
    """Speeds of networks, the mean of processes that measure at the same time.

    Args:
        networks: What is trained, in order.
        recipes: Resolved, one for each network.
        workers: Trials at a time.
        threads: Of each.
        device: Where to train.
        seconds: After so many no further network is begun; the first one is always measured.

    Returns:
        A speed for each network, None where there was no time for it; and the seconds that a worker takes to start.

    Raises:
        PopulationError: The first network could not be trained, with the reason.
    """
    work = [
        {"arch": arch.to_dict(), "recipe": recipe.to_dict()} for arch, recipe in zip(networks, recipes, strict=True)
    ]
    began, count = time.perf_counter(), min(workers, _MOST_PROCESSES)
    processes = [_start(threads, device, seconds) for _ in range(count)]
    try:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps(work) + "\n")
            process.stdin.flush()
        answers = [_answer(process, seconds) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    speeds = [answer["speeds"] for answer in answers]
    measured = min(map(len, speeds))
    means = np.mean([each[:measured] for each in speeds], axis=0).tolist()
    found = [Speed(*pair) for pair in means] + [None] * (len(networks) - measured)
    start = time.perf_counter() - began - max(answer["seconds"] for answer in answers)
    return found, max(start, 0.0)


def _start(threads: int, device: str, seconds: float) -> subprocess.Popen[str]:
    share = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    share["PYTHONPATH"] = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "netwright.workflow.speed", str(threads), device, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | share,
        start_new_session=True,
    )


def _answer(process: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    try:
        output, errors = process.communicate(timeout=_PATIENCE + 10 * seconds)
    except subprocess.TimeoutExpired as error:
        raise PopulationError(
            f"the speed of this machine could not be measured: no step was over after {error.timeout:.0f} s. "
            "Choose a smaller --resolution, or give --trials and --epochs in place of --budget."
        ) from error
    if process.returncode or not output.strip():
        why = errors.strip().splitlines()[-1] if errors.strip() else f"code {process.returncode}"
        raise PopulationError(
            f"the speed of this machine could not be measured: {why}. "
            "Choose a smaller --resolution, or give --trials and --epochs in place of --budget."
        )
    return json.loads(output.splitlines()[-1])  # type: ignore[no-any-return]


def main(arguments: list[str]) -> None:
    """arguments: THREADS, DEVICE, SECONDS."""
    import torch

    from netwright.system.machine import keep_memory

    threads, device, seconds = arguments
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with the result
    torch.set_num_threads(int(threads))
    keep_memory()
    torch.set_flush_denormal(True)
    work = json.loads(sys.stdin.readline())
    began = time.perf_counter()
    found: list[tuple[float, float]] = []
    for each in work:
        if found and time.perf_counter() - began > float(seconds):
            break
        try:
            found.append(_measure(each, device))
        except (RuntimeError, MemoryError):  # too large for this machine; the smaller ones came first
            if not found:
                raise
            break
    results.write(json.dumps({"speeds": found, "seconds": time.perf_counter() - began}) + "\n")
    results.flush()


def _measure(work: dict[str, Any], device: str) -> tuple[float, float]:
    """Seconds of an image in training and in evaluation."""
    from netwright.arch import Arch
    from netwright.nn import build
    from netwright.recipe import Recipe
    from netwright.sweeps.trial import evaluate, fit
    from netwright.sweeps.trial_batches import Batches
    from netwright.training import resolve_device

    arch = Arch.from_dict(work["arch"])
    # a rate that changes nothing: random images with random labels would diverge
    recipe = Recipe.from_dict(work["recipe"]).with_(epochs=1, lr=1e-8, warmup_epochs=0.0)
    rng = np.random.default_rng(0)
    side = (arch.resolution, arch.resolution, arch.in_channels)
    images = rng.integers(0, 256, (recipe.batch_size, *side), np.uint8)
    labels = rng.integers(0, arch.num_classes, recipe.batch_size)
    norm = (0.5,) * arch.in_channels, (0.25,) * arch.in_channels

    def batches(steps: int) -> Batches:
        index = np.tile(np.arange(recipe.batch_size), steps)
        return Batches(images, labels, index, *norm, resolve_device(device), channels_last=recipe.channels_last)

    module = build(arch, seed=0)
    [warm] = fit(module, batches(1), recipe, seed=0)
    steps = int(np.clip(_STEP_SECONDS / max(warm.seconds, 1e-4), 2, _MOST_STEPS))
    [timed] = fit(module, batches(steps), recipe, seed=0)
    few = batches(1)
    evaluate(module, few, recipe)
    started = time.perf_counter()
    evaluate(module, few, recipe)
    return timed.seconds / (steps * recipe.batch_size), (time.perf_counter() - started) / recipe.batch_size


if __name__ == "__main__":
    main(sys.argv[1:])
