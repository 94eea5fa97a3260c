"""Finding the errors of a table, whatever they are called: in percent or fractions, as errors or as accuracies."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from netwright.errors import StatsError
from netwright.stats.checks import BoolArray, FloatArray, check_choice
from netwright.stats.naming import is_accuracy, is_error, is_loss, plain_name
from netwright.stats.states import FAILURES, trial_states
from netwright.stats.written import written_numbers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OURS", "ErrorColumn", "Response", "error_column", "response"]

# names of the error that counts, in our populations and others'
_ERRORS = (
    *("error", "top1_error", "top1_err", "test_error", "test_err", "val_error", "val_err", "valid_error", "valid_err"),
    *("validation_error", "validation_err"),
)
_SPLITS = ("", "top1_", "test_", "val_", "valid_", "validation_", "max_", "best_", "final_")
_ACCURACIES = (*(f"{split}{word}" for split in _SPLITS for word in ("accuracy", "acc")), "acc1", "eval_top1", "top1")
_SCORES = ("auc", "auroc", "f1", "fitness", "metric", "objective", "reward", "score", "value")
OURS = frozenset(("trial", "state", "attempts", "seconds"))  # a table that one of our populations was written to


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What a table says about how good its networks are.

    Attributes:
        name: The column.
        errors: (rows,) in percent, lower is better; not finite where a row has none.
        notices: What was understood, in sentences: how the column became an error in percent.
        higher: Whether higher values of the column are better.
        fraction: Whether they are of 1 and not of 100.
    """

    name: str
    errors: FloatArray
    notices: tuple[str, ...]
    higher: bool = False
    fraction: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ErrorColumn:
    """The errors of a table, and what was left out.

    Attributes:
        name: The column.
        errors: (n,), finite, in percent.
        kept: (rows,) bool, the rows that they are from, to select the same rows of other columns.
        not_done: Number of trials that did not finish.
        not_finite: Number of finished trials without a finite error.
        notices: What was understood, in sentences: units, accuracies, states.
    """

    name: str
    errors: FloatArray
    kept: BoolArray
    not_done: int
    not_finite: int
    notices: tuple[str, ...] = ()

    @property
    def dropped(self) -> int:
        """Number of rows that were left out, for any reason."""
        return self.not_done + self.not_finite


def error_column(
    frame: pd.DataFrame, column: str | None = None, *, maximize: bool | None = None, unit: str | None = None
) -> ErrorColumn:
    """The errors of a table. Rows without a finite error are left out and counted.

    Args:
        frame: One row for each network. Where there is a column of states, only rows that are done count.
        column: The column, by default the one numeric column with a usual name ("error", "top1_error", ... or, where
            there is none, "accuracy", "val_acc", ...).
        maximize: As for `response`.
        unit: Likewise.

    Raises:
        StatsError: No column or several columns could be meant, states are not known, or no row is left.
    """
    found, states = response(frame, column, maximize=maximize, unit=unit), trial_states(frame)
    done = np.ones(len(frame), dtype=np.bool_) if states is None else states.done
    finite = np.isfinite(found.errors)
    kept = done & finite
    if not kept.any():
        listed = "" if states is None else f" Its states are {states.counts()}."
        cure = "Train some first" if not done.any() else "Name another column, or export the table again"
        raise StatsError(
            f"at least one network must have an error: of {len(frame)} rows, {int(done.sum())} are done and none has "
            f"a finite '{found.name}'.{listed} {cure}."
        )
    notices = found.notices + (() if states is None else states.notices())
    return ErrorColumn(
        found.name, found.errors[kept], kept, int((~done).sum()), int((done & ~finite).sum()), notices=notices
    )


def response(
    frame: pd.DataFrame, column: str | None = None, *, maximize: bool | None = None, unit: str | None = None
) -> Response:
    """The column that says how good networks are, as errors in percent.

    Args:
        frame: One row for each network.
        column: The column, by default the one numeric column with a usual name.
        maximize: Whether higher is better; then the error is 100% less the value. By default the name says it.
        unit: "percent" or "fraction" (0 to 1). By default values that all lie between 0 and 1 are fractions.

    Raises:
        StatsError: No column or several columns could be meant, or the values cannot be percent or fractions.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if unit is not None:
        check_choice(unit, ["percent", "fraction"], "unit")
    numeric = [str(c) for c, kind in frame.dtypes.items() if is_numeric_dtype(kind) and not is_bool_dtype(kind)]
    usual = [str(c) for c in frame.columns if str(c) in numeric or _is_written(frame, str(c))]
    if column is None:
        column = str(frame.attrs["response"]) if frame.attrs.get("response") in numeric else None
        maximize = frame.attrs.get("maximize") if column is not None and maximize is None else maximize
        if column is None and set(frame.columns) >= OURS and "error" in numeric:
            column = "error"  # other columns are what an imported table had
    name = _choose([str(c) for c in frame.columns], usual, maximize) if column is None else column
    if name not in frame.columns:
        raise StatsError(f"no column '{name}'{_nearest([name], numeric) or '.'} The table has: {_listed(frame)}.")
    if maximize and plain_name(name) in _ERRORS:
        raise StatsError(f"'{name}' is an error, of which lower is better: maximize another column, or none.")
    values, written, notices = _values(frame, name, numeric)
    if unit is None and set(frame.columns) >= OURS:
        unit = "percent"
    found = _in_percent(name, values, maximize, unit or written)
    return replace(found, notices=notices + found.notices)


def _values(frame: pd.DataFrame, name: str, numeric: list[str]) -> tuple[FloatArray, str | None, tuple[str, ...]]:
    """A column as numbers, the unit that is written in its cells, and what was understood."""
    if name in numeric:
        return frame[name].to_numpy(dtype=np.float64, na_value=np.nan), None, ()
    read = written_numbers(frame[name])
    if not np.isfinite(read.values).any():
        raise StatsError(f"column '{name}' must hold numbers, and has none: name another, of {', '.join(numeric)}.")
    if read.unknown:
        raise StatsError(
            f"column '{name}' must hold numbers, and has {', '.join(map(repr, read.unknown[:5]))} too. Of a network "
            f"that failed it may hold {', '.join(sorted(FAILURES))}, or be empty. Correct these cells, or note in a "
            "column 'state' what became of the trials."
        )
    notices = (f"'{name}' holds {' and '.join(map(repr, read.failures))}: these networks failed.",)
    return read.values, "percent" if read.is_percent else None, notices if read.failures else ()


def _is_written(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column of text has the name of errors or accuracies, and numbers."""
    if plain_name(name) not in (*_ERRORS, *_ACCURACIES):
        return False
    return bool(np.isfinite(written_numbers(frame[name]).values).any())


def _in_percent(name: str, values: FloatArray, maximize: bool | None, unit: str | None) -> Response:
    higher = is_accuracy(name) if maximize is None else maximize
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (np.nan, np.nan)
    within = bool(low >= 0 and high <= 1)
    loss = is_loss(name) and not higher
    fraction = unit == "fraction" or (unit is None and within and not loss)
    top = 1.0 if fraction else 100.0
    span = f"{low:.4g} to {high:.4g}"
    if higher and finite.size and not (low >= 0 and high <= top):
        raise StatsError(
            f"'{name}' must lie in 0 to {top:.0f}, since higher is better and the error is the rest, and it is {span}: "
            "write a column of errors in percent."
        )
    value = f"100 x {name}" if fraction else name
    notices = []
    if higher or fraction:
        why = [
            *(["higher is better"] if higher else []),
            *(["values that all lie in 0 to 1 are fractions"] if within else []),
        ]
        because = f": {', and '.join(why)}" if why else ""
        notices.append(f"error = {f'100 - {value}' if higher else value} ({name} is {span}){because}.")
    if maximize is None and not higher and not is_error(name):
        notices.append(f"'{name}' is taken for an error: lower is better. Give maximize where higher is.")
    if not higher and (loss or low < 0 or high > top):
        notices.append(
            f"'{name}' is {span}, so it is no {'fraction' if fraction else 'percentage'}: ranks are right, 'percent' "
            f"is not, and a failure counts as {max(100.0, high * 100 / top):.4g}."
        )
    percent = values * 100 if fraction else values
    return Response(name, 100 - percent if higher else percent, tuple(notices), higher, fraction)


def _choose(every: list[str], numeric: list[str], maximize: bool | None) -> str:
    errors = [] if maximize else [name for name in numeric if plain_name(name) in _ERRORS]
    accuracies = [] if maximize is False else [name for name in numeric if plain_name(name) in _ACCURACIES]
    scores = [name for name in numeric if plain_name(name) in _SCORES] if maximize else []
    found = errors or accuracies or scores
    if len(found) == 1:
        return found[0]
    if found:
        listed = " and ".join(f"'{name}'" for name in found)
        raise StatsError(
            f"one column must be the error, and {listed} could all be: name one (--error {found[0]} on the "
            f"command line, or column='{found[0]}')."
        )
    near = _nearest([*_ERRORS, *_ACCURACIES], numeric)
    raise StatsError(
        f"no column of errors{near or '.'} The table has: {', '.join(every)}. Name one (--error on the command line), "
        "and give maximize where higher is better."
    )


def _nearest(wanted: list[str], columns: list[str]) -> str:
    scored = [(difflib.SequenceMatcher(None, w, c.lower()).ratio(), c) for w in wanted for c in columns]
    score, name = max(scored, default=(0.0, ""))
    return f": did you mean '{name}'?" if score > 0.6 else ""


def _listed(frame: pd.DataFrame) -> str:
    return ", ".join(str(c) for c in frame.columns)
