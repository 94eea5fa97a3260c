"""Which columns of a table are parameters of the networks, and why the others are not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import StatsError
from netwright.report.text import listing, meaning
from netwright.stats.checks import FloatArray
from netwright.stats.naming import is_cost, is_identifier, is_response
from netwright.system.suggest import suggest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PREFIXES", "Columns", "check_names", "sort_columns"]

MOST_CATEGORIES = 20  # more different words are names
_LEAST = 10  # rows, to see an index or the response in the values alone
_MOST_NAMED = 6  # columns that a notice names
# how other programs mark the columns of parameters
PREFIXES = ("params_", "params.", "params/", "param_", "config.", "config/", "hparams.", "hparams/")
_ROLES = frozenset(("arch", "curve", "e_fit", "failure", "reason", "repeats", "state"))


@dataclass(frozen=True)
class Columns:
    """The columns of a table by what they are.

    Attributes:
        parameters: Of the networks, in the order of the table.
        categories: Parameter -> its words. The table has numbers for them: 0 for the first, 1 for the second, ...
        codes: Parameter -> (rows,) these numbers, NaN where a cell is empty.
        left_out: Column -> why it is no parameter.
        notices: What of it is worth saying, in sentences.
    """

    parameters: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, FloatArray]
    left_out: Mapping[str, str]
    notices: tuple[str, ...]


def check_names(frame: pd.DataFrame, wanted: Sequence[str], option: str) -> None:
    """Raise StatsError for a column that is not in the table. option: what the message calls the list."""
    known = [str(column) for column in frame.columns]
    for name in wanted:
        if name not in known:
            raise StatsError(f"{option} must name columns, and there is no column '{name}': {suggest(name, known)}")


def sort_columns(
    frame: pd.DataFrame,
    errors: FloatArray,
    *,
    parameters: Sequence[str] | None = None,
    ignore: Collection[str] = (),
    roles: Collection[str] = (),
) -> Columns:
    """Find the parameters.

    Args:
        frame: One row for each network.
        errors: (rows,) in percent, not finite where there is none.
        parameters: What the parameters are, where it is known; nothing else is one then.
        ignore: Columns that are none.
        roles: Columns whose meaning is known: the error, the state.
    """
    marked = tuple(parameters) if parameters is not None else _marked(frame)
    sorter = _Sorter(frame, errors, trusted=parameters is not None)
    for column in map(str, frame.columns):
        if column in roles or (column in _ROLES and column not in (*ignore, *(parameters or ()))):
            continue
        if column in ignore:
            sorter.leave(column, "as --ignore has it")
        elif marked is not None and column not in marked:
            if parameters is None:
                sorter.leave(column, "the parameters are the columns with a prefix")
        elif column == "epochs" and parameters is None:
            sorter.leave(column, "how long networks were trained")
        else:
            sorter.take(column)
    return sorter.columns()


def _marked(frame: pd.DataFrame) -> tuple[str, ...] | None:
    """The columns that are marked as parameters by a prefix, None where none is."""
    for prefix in PREFIXES:
        found = tuple(str(c) for c in frame.columns if str(c).startswith(prefix) and not is_cost(str(c)))
        if len(found) > 1:
            return found
    return None


class _Sorter:
    """Takes columns one by one; a column is compared with those before it."""

    def __init__(self, frame: pd.DataFrame, errors: FloatArray, trusted: bool) -> None:
        self._frame, self._errors, self._trusted = frame, errors, trusted
        self._taken: dict[str, bytes] = {}  # parameter -> which rows have equal values
        self._words: dict[str, tuple[str, ...]] = {}
        self._codes: dict[str, FloatArray] = {}
        self._left: dict[str, str] = {}
        self._notices: list[str] = []

    def leave(self, column: str, why: str) -> None:
        self._left[column] = why

    def take(self, column: str) -> None:
        """Keep the column as a parameter, or note why it is none."""
        why = self._by_name(column) if not self._trusted and not _is_of_the_papers(column) else ""
        values, words = (None, ()) if why else _numbers(self._frame[column])
        if not why:
            why = self._by_values(column, values)
        if why or values is None:
            self.leave(column, why)
            return
        self._taken[column] = _pattern(values)
        if words:
            self._words[column], self._codes[column] = words, values
        if empty := int(np.isnan(values).sum()):
            self._notices.append(f"{column}: {empty} of {len(values)} cells empty, judged by the other networks.")

    def _by_name(self, column: str) -> str:
        if is_response(column):
            return "an error, accuracy or loss: the response in other words"
        if is_identifier(column):
            return "a name, an index, a seed or a split"
        return "a cost or a time" if is_cost(column) else ""

    def _by_values(self, column: str, values: FloatArray | None) -> str:
        if values is None:
            return f"neither numbers nor words of at most {MOST_CATEGORIES} kinds, each in two rows or more"
        known = values[~np.isnan(values)]
        if np.unique(known).size < 2:
            return "constant"
        same = next((name for name, pattern in self._taken.items() if pattern == _pattern(values)), None)
        if same is not None:
            return f"the same as {same} under another name"
        if self._trusted or _is_of_the_papers(column):
            return ""
        if _is_index(values):
            return "counts the rows"
        return "follows the error value by value: the response in other words" if self._is_response(values) else ""

    def _is_response(self, values: FloatArray) -> bool:
        """Whether values rank as the errors do, or are errors of the same networks, as of a second seed."""
        both = np.isfinite(self._errors) & np.isfinite(values)
        e, x = self._errors[both], values[both]
        distinct = np.unique(e).size
        if distinct < _LEAST or np.unique(x).size < max(_LEAST, distinct / 2):
            return False
        rising = np.diff(x[np.argsort(e, kind="stable")]) if np.unique(e).size == e.size else np.diff(_means(x, e))
        if (rising >= 0).all() or (rising <= 0).all():
            return True
        versions = (x, 100 - x, 100 * x, 100 - 100 * x)
        return any(float(np.mean((each - e) ** 2)) < 0.75 * float(e.var()) for each in versions)

    def columns(self) -> Columns:
        notices = [f"not parameters: {'; '.join(_grouped(self._left))}."] if self._left else []
        if self._words:
            listed = _grouped({name: ", ".join(words) for name, words in self._words.items()})
            notices.append(f"categories, numbered from 0: {'; '.join(listed)}.")
        return Columns(tuple(self._taken), self._words, self._codes, self._left, (*notices, *self._notices))


def _grouped(left: Mapping[str, str]) -> list[str]:
    """`a, b and 3 more (a cost or a time)`."""
    by_reason: dict[str, list[str]] = {}
    for column, why in left.items():
        by_reason.setdefault(why, []).append(column)
    lines = []
    for why, names in by_reason.items():
        more = len(names) - _MOST_NAMED
        shown = [*names[:_MOST_NAMED], f"{more} more"] if more > 1 else names
        lines.append(f"{listing(shown)} ({why})")
    return lines


def _numbers(cells: pd.Series[Any]) -> tuple[FloatArray | None, tuple[str, ...]]:
    """A column as numbers, with its words where it had words; None where it is neither."""
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype, is_timedelta64_dtype

    given = cells.dropna()
    plain = is_numeric_dtype(cells.dtype) and not is_bool_dtype(cells.dtype)
    if plain or (len(given) and all(isinstance(x, int | float) and not isinstance(x, bool) for x in given)):
        numbers = pd.to_numeric(cells).to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(numbers), numbers, np.nan), ()
    if is_datetime64_any_dtype(cells.dtype) or is_timedelta64_dtype(cells.dtype):
        return None, ()
    if any(isinstance(cell, list | dict) for cell in given):
        return None, ()
    words = cells.map(str, na_action="ignore")
    counts = words.value_counts()
    if len(counts) > MOST_CATEGORIES or len(given) < 2 * len(counts):
        return None, ()
    known = sorted(counts.index)
    codes = words.map({word: float(code) for code, word in enumerate(known)})
    return codes.to_numpy(dtype=np.float64, na_value=np.nan), tuple(known)


def _is_of_the_papers(column: str) -> bool:
    """Whether a name says by itself that it is a parameter: depth, width, w0, ..."""
    return bool(meaning(column)) and not is_cost(column)


def _pattern(values: FloatArray) -> bytes:
    """Equal for columns that name or scale the same thing: depth and 2 x depth, a word and its number."""
    _, first, place = np.unique(values, return_index=True, return_inverse=True, equal_nan=True)
    if first.size <= min(MOST_CATEGORIES, values.size / 2):
        return first[place].tobytes()
    known = place[~np.isnan(values)]
    backward = np.where(np.isnan(values), place, known.max() - place)
    return min(place.tobytes(), backward.tobytes())


def _is_index(values: FloatArray) -> bool:
    """Whether a column has whole numbers without a gap, each once: such a parameter is hardly ever drawn."""
    known = np.sort(values)
    return known.size >= _LEAST and bool((np.diff(known) == 1).all())


def _means(x: FloatArray, e: FloatArray) -> FloatArray:
    """The mean x of each distinct error, lowest error first."""
    _, place = np.unique(e, return_inverse=True)
    return np.asarray(np.bincount(place, weights=x) / np.bincount(place))
