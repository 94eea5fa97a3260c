"""Errors as people write them: `37.1%`, and a word where a network has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.stats.checks import FloatArray
from netwright.stats.states import FAILURES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Written", "written_numbers"]

_EMPTY = frozenset(("", "-", "--", "?", "n/a", "na", "nan", "none", "null"))


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A column of text as numbers.

    Attributes:
        values: (rows,), NaN where a network has none.
        is_percent: Whether each number has the sign %.
        failures: The words for networks that failed, each once.
        unknown: Cells that are neither numbers nor such words.
    """

    values: FloatArray
    is_percent: bool
    failures: tuple[str, ...]
    unknown: tuple[str, ...]


def written_numbers(cells: pd.Series[Any]) -> Written:
    """Read a column of text."""
    words = ["" if cell is None or cell != cell else str(cell).strip() for cell in cells]
    values = np.full(len(words), np.nan)
    signs: list[bool] = []
    failures: set[str] = set()
    unknown: set[str] = set()
    for row, word in enumerate(words):
        plain = word.lower()
        try:
            number = float(word.removesuffix("%").strip())
        except ValueError:
            if plain not in _EMPTY:
                (failures if plain in FAILURES else unknown).add(word)
            continue
        values[row] = number
        if np.isfinite(number):
            signs.append(word.endswith("%"))
    if signs and any(signs) and not all(signs):
        unknown.add(next(word for word in words if word.endswith("%")))  # 0.3 beside 30%
    return Written(values, bool(signs) and all(signs), tuple(sorted(failures)), tuple(sorted(unknown)))
