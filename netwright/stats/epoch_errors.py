"""The errors of networks after each epoch, as a matrix: of the records in a column `curve`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.stats.checks import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EpochErrors", "epoch_errors"]


@dataclass(frozen=True, slots=True, eq=False)
class EpochErrors:
    """The errors of networks after each epoch.

    Attributes:
        epochs: Ascending.
        values: (n, epochs) errors, lower is better.
        rows: (rows,) bool, of which rows of the table; networks that stopped before most others are left out.
    """

    epochs: tuple[int, ...]
    values: FloatArray
    rows: BoolArray


def epoch_errors(frame: pd.DataFrame) -> EpochErrors | None:
    """The errors after the epochs that all networks have which were trained as long as most: None for fewer than two.

    A network that stopped early has no rank at the end.

    Args:
        frame: One row for each network, with a column `curve` of records with `epoch` and `error`, as populations have
            it; `curves.folded` and `curves.with_errors` make it of a table with a column an epoch.
    """
    if "curve" not in frame:
        return None
    curves = [_errors(cell) for cell in frame["curve"]]
    lengths = [max(curve) for curve in curves if curve]
    if not lengths:
        return None
    counts: dict[int, int] = {}
    for last in lengths:
        counts[last] = counts.get(last, 0) + 1
    end = max(counts, key=lambda last: (counts[last], last))
    whole = [curve for curve in curves if curve and max(curve) >= end]
    epochs = sorted(set.intersection(*(set(curve) for curve in whole)) & set(range(end + 1)))
    if len(epochs) < 2:
        return None
    rows = np.array([bool(curve) and max(curve) >= end for curve in curves])
    values = np.array([[curve[epoch] for epoch in epochs] for curve in whole])
    return EpochErrors(tuple(epochs), values, rows)


def _errors(cell: Any) -> dict[int, float]:
    """Epoch -> error of a stored curve; empty for anything else."""
    records: Sequence[Any] = cell if isinstance(cell, list | tuple) else ()
    found = {}
    for record in records:
        if isinstance(record, Mapping) and record.get("error") is not None and record.get("epoch") is not None:
            error, epoch = float(record["error"]), float(record["epoch"])
            if math.isfinite(error) and epoch.is_integer():
                found[int(epoch)] = error
    return found
