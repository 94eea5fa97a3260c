"""The values that a distribution lists, and what its ends must be."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from netwright.errors import SpaceError

__all__ = ["MOST_LEVELS", "check_range", "geometric", "multiples", "pick"]

Floats = npt.NDArray[np.float64]

MOST_LEVELS = 1_000_000  # values of one distribution


def pick(listed: tuple[Floats, Floats], rng: np.random.Generator, n: int) -> Floats:
    """(n,) of the values, as often as their probabilities say. listed: (values, probabilities)."""
    values, probabilities = listed
    if len(values) == 1:
        return np.full(n, values[0])
    picked: Floats = values[np.searchsorted(np.cumsum(probabilities)[:-1], rng.random(n), side="right")]
    return picked


def geometric(low: float, high: float, points: int) -> Floats:
    """(points,) in equal ratios, both ends included."""
    return np.asarray(np.geomspace(low, high, points), np.float64)


def multiples(low: float, high: float, quantum: float) -> Floats:
    """Those of the quantum from low to high, both included."""
    # through whole numbers, so that 0.1 * 3 is 0.3 and not 0.30000000000000004
    first, last = round(low / quantum), round(high / quantum)
    inverse = 1 / quantum
    whole = np.arange(first, last + 1, dtype=np.float64)
    return whole / round(inverse) if quantum < 1 and abs(inverse - round(inverse)) < 1e-9 else whole * quantum


def check_range(kind: str, low: float, high: float, quantum: float | None, *, positive: bool) -> None:
    """SpaceError where the ends, or the quantum, are not what a distribution of that kind needs."""
    for value in (low, high):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise SpaceError(f"the ends of a {kind} distribution are finite numbers, not {value!r}. Correct them.")
    if low > high or (positive and low <= 0):
        constraint = "0 < low <= high" if positive else "low <= high"
        raise SpaceError(
            f"a {kind} distribution needs {constraint}, not {low!r} to {high!r}. Swap or correct the ends."
        )
    if quantum is not None:
        if not isinstance(quantum, int | float) or not 0 < quantum < math.inf:
            raise SpaceError(f"the quantum of a {kind} distribution is positive, not {quantum!r}. 1 and 8 are usual.")
        if (high - low) / quantum >= MOST_LEVELS:
            raise SpaceError(
                f"a {kind} distribution with a quantum has at most {MOST_LEVELS:,} values, not those of {low:g} to "
                f"{high:g} in steps of {quantum:g}. Leave the quantum out."
            )
        for value in (low, high):
            if abs(value / quantum - round(value / quantum)) > 1e-6:
                raise SpaceError(
                    f"the ends of a {kind} distribution are multiples of its quantum {quantum:g}, not {value:g}. "
                    f"Take {max(int(positive), round(value / quantum)) * quantum:g}."
                )
