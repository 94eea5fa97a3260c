"""How many images a second runtimes answer, taking turns, so that what else the machine does meets all alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from netwright.runtime.runtime import Runtime

__all__ = ["images_per_second"]


def images_per_second(
    runtimes: Mapping[str, Runtime], batches: Sequence[int], *, seconds: float, repeats: int
) -> dict[str, dict[int, tuple[float, ...]]]:
    """name -> batch -> one figure a turn, of normalized inputs in memory. seconds: of a turn, at least one call."""
    rates: dict[str, dict[int, list[float]]] = {name: {batch: [] for batch in batches} for name in runtimes}
    names = list(runtimes)
    for batch in batches:
        shape = (batch, *next(iter(runtimes.values())).info.input_shape)
        x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        for name in names:
            for _ in range(2):  # kernels are chosen and weights packed at the first call
                runtimes[name].logits(x)
        for repeat in range(repeats):
            for turn in range(len(names)):
                name = names[(repeat + turn) % len(names)]
                rates[name][batch].append(_rate(runtimes[name], x, seconds))
    return {name: {batch: tuple(values) for batch, values in of.items()} for name, of in rates.items()}


def _rate(runtime: Runtime, x: np.ndarray, seconds: float) -> float:
    calls, began = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - began < seconds:
        runtime.logits(x)
        calls += 1
    return calls * len(x) / (time.perf_counter() - began)
