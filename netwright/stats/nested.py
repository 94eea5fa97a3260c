"""JSON with values inside values as a flat table: parameters in a mapping, the error as the last of a curve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netwright.stats.curves import listed_curves
from netwright.stats.naming import is_response

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["flat"]

_DEEPEST = 4


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows, with a column for each value inside a mapping, and for the last value of each curve.

    A mapping's name is kept in front of its keys ("params.depth") only where two would have the same name. A curve is a
    list of numbers with the name of an error, an accuracy or a loss, or a list of mappings that have one. All of them
    together are the column `curve`, a list of records with their epoch. What else is a list stays as it is.
    """
    import pandas as pd

    notices = list(frame.attrs.get("notices", ()))
    for _ in range(_DEEPEST):
        nested = [column for column in frame.columns if _all_of(frame[column], Mapping)]
        if not nested:
            break
        inner = {
            column: pd.DataFrame([cell if isinstance(cell, Mapping) else {} for cell in frame[column]])
            for column in nested
        }
        for each in inner.values():
            each.index = frame.index
        frame = frame.drop(columns=nested)
        counts = Counter(key for values in inner.values() for key in values.columns)
        for column, values in inner.items():
            taken = {*frame.columns, *(key for key, many in counts.items() if many > 1)}
            renamed = {key: key if key not in taken else f"{column}.{key}" for key in values.columns}
            frame = pd.concat([frame, values.rename(columns=renamed)], axis=1)
    lists = [column for column in frame.columns if _all_of(frame[column], list)]
    curves = listed_curves(frame[lists]) if lists else None
    for column in lists:
        for key, ends in _last(str(column), frame[column]).items():
            if key == column or key not in frame.columns:  # else the final value is there already
                frame = frame.assign(**{key: pd.Series(ends, index=frame.index, dtype=float)})
                notices.append(f"'{key}' is the last value of each '{column}'.")
    if curves is not None:
        frame = frame.assign(curve=pd.Series(curves, index=frame.index, dtype=object))
    frame.attrs["notices"] = tuple(notices)
    return frame


def _last(column: str, cells: pd.Series[Any]) -> dict[str, list[float | None]]:
    """The last value of each curve, by the name that it has."""
    ends = [cell[-1] if isinstance(cell, list) and cell else None for cell in cells]
    if is_response(column) and all(end is None or _is_number(end) for end in ends):
        return {column: ends}
    records = [end if isinstance(end, Mapping) else {} for end in ends]
    keys = dict.fromkeys(key for record in records for key, value in record.items() if _is_number(value))
    return {str(key): [record.get(key) for record in records] for key in keys if is_response(str(key))}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _all_of(cells: pd.Series[Any], kind: type) -> bool:
    given = [cell for cell in cells if isinstance(cell, list | Mapping) or (cell is not None and cell == cell)]
    return bool(given) and all(isinstance(cell, kind) for cell in given)
