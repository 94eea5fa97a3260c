"""Images per second of several runtimes, which take turns, so that other load on the machine affects all alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from netwright.runtime.runtime import Runtime

__all__ = ["images_per_second"]


def images_per_second(
    runtimes: Mapping[str, Runtime], batches: Sequence[int], *, seconds: float, repeats: int
) -> dict[str, dict[int, tuple[float, ...]]]:
    """Measure on normalized inputs in memory.

    Args:
        runtimes: By name; all take inputs of one shape.
        batches: Images per call, each measured on its own.
        seconds: Of a turn, which is at least one call.
        repeats: Turns of each runtime.

    Returns:
        Name -> batch -> images per second, a number per turn.
    """
    rates: dict[str, dict[int, list[float]]] = {name: {batch: [] for batch in batches} for name in runtimes}
    names = list(runtimes)
    for batch in batches:
        shape = (batch, *next(iter(runtimes.values())).info.input_shape)
        x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        for name in names:
            for _ in range(2):  # the first call chooses kernels and packs weights
                runtimes[name].logits(x)
        for repeat in range(repeats):
            for turn in range(len(names)):
                name = names[(repeat + turn) % len(names)]
                rates[name][batch].append(_rate(runtimes[name], x, seconds))
    return {name: {batch: tuple(values) for batch, values in of.items()} for name, of in rates.items()}


def _rate(runtime: Runtime, x: np.ndarray, seconds: float) -> float:
    calls, start = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - start < seconds:
        runtime.logits(x)
        calls += 1
    return calls * len(x) / (time.perf_counter() - start)
