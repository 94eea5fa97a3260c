"""What every statistic accepts: finite numbers of the right shape. Everything else is a StatsError."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError

__all__ = [
    "BoolArray",
    "FloatArray",
    "IntArray",
    "check_choice",
    "check_columns",
    "check_confidence",
    "check_points",
    "check_sample",
    "check_simulation",
]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def check_sample(
    values: npt.ArrayLike, name: str = "errors", *, minimum: int = 1, length: int | None = None
) -> FloatArray:
    """A column of numbers, checked.

    Args:
        values: The numbers.
        name: What a message calls them.
        minimum: How many there must be at least.
        length: How many there must be exactly, where it matters.

    Returns:
        A new float64 array, (n,).

    Raises:
        StatsError: Text, another shape or length, or NaN or infinity, which are never dropped silently.
    """
    array = _numbers(values, name)
    if array.ndim != 1:
        raise StatsError(f"{name} must have one dimension, not shape {array.shape}: pass one column at a time.")
    if array.size < minimum:
        raise StatsError(
            f"{name} must hold at least {minimum} value(s), not {array.size}: measure more networks first."
        )
    if length is not None and array.size != length:
        raise StatsError(
            f"{name} must pair with the other column: {array.size} values against {length}. Take the same rows of both."
        )
    _refuse_non_finite(array, name)
    return array


def check_columns(values: npt.ArrayLike, name: str, *, length: int) -> FloatArray:
    """Several columns of numbers, checked.

    Args:
        values: (length, k) numbers; (length,) counts as k = 1.
        name: What a message calls them.
        length: The number of rows.

    Returns:
        A new float64 array, (length, k).

    Raises:
        StatsError: Text, another shape, NaN or infinity.
    """
    array = _numbers(values, name)
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2 or array.shape[0] != length or array.shape[1] == 0:
        raise StatsError(
            f"{name} must have shape ({length},) or ({length}, k), not {np.shape(values)}: one row per network."
        )
    _refuse_non_finite(array, name)
    return array


def check_confidence(confidence: float) -> None:
    """Raise StatsError for a confidence that is not between 0 and 1."""
    if not 0 < confidence < 1:
        raise StatsError(f"confidence must lie between 0 and 1, not {confidence}: 0.95 means 95%.")


def check_points(value: float | None, name: str, worst: float = 100.0) -> None:
    """Raise StatsError for points of error that no two errors can be apart.

    Args:
        value: In points, whatever its sign; None is not checked.
        name: What a message calls it.
        worst: The largest error that there can be; the smallest is 0.
    """
    if value is not None and not abs(value) < worst:
        raise StatsError(
            f"{name} must be below {worst:g} points, not {value:g}: errors lie between 0 and {worst:g}%. 1.0 is one "
            "point."
        )


def check_simulation(repeats: int, seed: int) -> None:
    """Raise StatsError for fewer than 1 repeat, and for a seed below 0."""
    if repeats < 1:
        raise StatsError(f"repeats must be at least 1, not {repeats}: 9999 gives p-values down to 0.0001.")
    if seed < 0:
        raise StatsError(f"seed must be 0 or more, not {seed}: any such number will do.")


def check_choice(value: str, choices: Sequence[str], name: str) -> None:
    """Raise StatsError for a value that is not one of `choices`."""
    if value not in choices:
        raise StatsError(f"unknown {name} '{value}': use one of {', '.join(choices)}.")


def _numbers(values: Any, name: str) -> FloatArray:
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise StatsError(f"{name} must be a plain array of numbers: {error}. Pass one number per network.") from error
    if array.dtype.kind == "O" and all(value is None or isinstance(value, Real) for value in array.flat):
        array = array.astype(np.float64)
    if array.dtype.kind not in "biuf":
        raise StatsError(f"{name} must be numbers, not {array.dtype}: encode categories as numbers, or leave them out.")
    return np.array(array, dtype=np.float64)


def _refuse_non_finite(array: FloatArray, name: str) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        where = int(np.argmin(finite.all(axis=1) if array.ndim == 2 else finite))
        raise StatsError(
            f"{name} must be finite: {array.size - int(finite.sum())} of {array.size} are NaN or infinite, the first "
            f"in row {where}. Drop the failed trials first, and report how many they were."
        )
