"""Populations as tables: reading them, and finding the errors in them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netwright.errors import StatsError
from netwright.stats.checks import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ErrorColumn", "error_column", "read_table"]

# names of the error that counts, in our populations and others'
_NAMES = (
    "error",
    "top1_error",
    "top1_err",
    "test_error",
    "test_err",
    "val_error",
    "val_err",
    "valid_error",
    "validation_error",
)


@dataclass(frozen=True, slots=True, eq=False)
class ErrorColumn:
    """The errors of a table, and what was left out.

    Attributes:
        name: The column.
        errors: (n,), finite.
        kept: (rows,) bool, the rows that they are from, to select the same rows of other columns.
        not_done: Number of trials that did not finish.
        not_finite: Number of finished trials without a finite error.
    """

    name: str
    errors: FloatArray
    kept: BoolArray
    not_done: int
    not_finite: int

    @property
    def dropped(self) -> int:
        """Number of rows that were left out, for any reason."""
        return self.not_done + self.not_finite


def read_table(path: str | PathLike[str] | pd.DataFrame) -> pd.DataFrame:
    """Read a table with one row for each network.

    Args:
        path: A .csv, .parquet, .jsonl or .ndjson file; a data frame is returned as it is.

    Raises:
        StatsError: The file is missing, empty, unreadable or of another kind.
    """
    import pandas as pd  # only tables need it

    if isinstance(path, pd.DataFrame):
        return path
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": pd.read_csv,
        ".jsonl": lambda file: pd.read_json(file, lines=True),
        ".ndjson": lambda file: pd.read_json(file, lines=True),
        ".parquet": pd.read_parquet,
    }
    file = Path(path)
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise StatsError(f"a table must end in {', '.join(readers)}, and '{file}' does not: export it as one of them.")
    if not file.is_file():
        raise StatsError(f"no table at '{file}': check the path.")
    try:
        frame = reader(file)
    except (ValueError, OSError) as error:  # the parsers of csv, json and parquet all raise one of the two
        raise StatsError(f"'{file}' cannot be read as {file.suffix}: {error}. Export it again.") from error
    if frame.empty:
        raise StatsError(f"a table must hold a row, and '{file}' has none: export it again.")
    return frame


def error_column(frame: pd.DataFrame, column: str | None = None) -> ErrorColumn:
    """The errors of a table. Rows without a finite error are left out and counted.

    Args:
        frame: One row for each network. Where there is a column "state", only rows with the state "done" count.
        column: The column, by default the one numeric column with a usual name ("error", "top1_error", ...).

    Raises:
        StatsError: No column or several columns could be meant, or no row is left.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    numeric = [str(c) for c, kind in frame.dtypes.items() if is_numeric_dtype(kind) and not is_bool_dtype(kind)]
    name = _choose([str(c) for c in frame.columns], numeric) if column is None else column
    if name not in frame.columns:
        raise StatsError(f"no column '{name}'{_nearest([name], numeric)}. The table has: {_listed(frame)}.")
    if name not in numeric:
        raise StatsError(f"column '{name}' must hold numbers, not {frame[name].dtype}: name another, of {numeric}.")
    values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    done = np.ones(len(frame), dtype=np.bool_)
    if "state" in frame.columns:
        done = frame["state"].eq("done").to_numpy(dtype=np.bool_, na_value=False)
    kept = done & np.isfinite(values)
    if not kept.any():
        raise StatsError(
            f"at least one network must have an error: of {len(frame)} rows, {int(done.sum())} are done and none has "
            f"a finite '{name}'. Run the sweep first."
        )
    return ErrorColumn(name, values[kept], kept, not_done=int((~done).sum()), not_finite=int((done & ~kept).sum()))


def _choose(every: list[str], numeric: list[str]) -> str:
    found = [name for name in numeric if name.lower() in _NAMES]
    if len(found) == 1:
        return found[0]
    if found:
        raise StatsError(f"one column must be the error, and {found} could all be: name one, e.g. column='{found[0]}'.")
    raise StatsError(
        f"no column of errors{_nearest(list(_NAMES), numeric)}. The table has: {', '.join(every)}. Name one."
    )


def _nearest(wanted: list[str], columns: list[str]) -> str:
    scored = [(difflib.SequenceMatcher(None, w, c.lower()).ratio(), c) for w in wanted for c in columns]
    score, name = max(scored, default=(0.0, ""))
    return f": did you mean '{name}'?" if score > 0.6 else ""


def _listed(frame: pd.DataFrame) -> str:
    return ", ".join(str(c) for c in frame.columns)
