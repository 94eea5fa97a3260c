"""JSON that is a mapping and no list of rows: networks by their name, as NAS-Bench files have them, or pandas's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netwright.stats.nested import flat

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["keyed_frame"]

_MOST_KINDS = 20  # of words at one place of the names
_LEAST_PLACES = 3


def keyed_frame(content: object) -> pd.DataFrame | None:
    """A row for each network.

    Args:
        content: What a JSON file has: a mapping from the name of each network to what is known of it (a mapping, or
            one number), or a table as pandas writes it (`to_json`, also with orient "split", "index" or "table").

    Returns:
        Column `architecture` with the names and a column for each value; where all names have the same number of
        words, as `|conv_3x3~0|+|none~0|skip~1|` or `(4, 0, 3)`, also `op_1`, `op_2`, ... with these. None for anything
        else.
    """
    import pandas as pd

    if not isinstance(content, Mapping) or not content:
        return None
    if isinstance(content.get("data"), list) and isinstance(content.get("columns"), list):
        return flat(pd.DataFrame(content["data"], columns=content["columns"]))
    if isinstance(content.get("data"), list) and isinstance(content.get("schema"), Mapping):
        return flat(pd.DataFrame.from_records(content["data"]))
    values = list(content.values())
    if all(isinstance(value, Mapping) for value in values):
        if _is_by_column(content):
            return flat(pd.DataFrame({name: list(column.values()) for name, column in content.items()}))
        rows = [dict(value) for value in values]
    elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in values) and len(values) > 2:
        rows = [{"value": value} for value in values]
    else:
        return None
    frame = flat(pd.DataFrame.from_records(rows))
    attrs, names = dict(frame.attrs), [str(name) for name in content]
    if "architecture" not in frame.columns:
        frame.insert(0, "architecture", names)
    if not all(name.isdigit() for name in names):
        for column, words in _places(names).items():
            if column not in frame.columns:
                frame[column] = words
    frame.attrs = attrs
    return frame


def _is_by_column(content: Mapping[str, Mapping[str, Any]]) -> bool:
    """Column -> row number -> value, as pandas writes by default."""
    first = list(next(iter(content.values())))
    counted = first == [str(i) for i in range(len(first))]
    return bool(first) and counted and all(list(column) == first for column in content.values())


def _places(names: list[str]) -> dict[str, list[Any]]:
    """`op_1` -> its word in each name; empty where names have no such form."""
    words = [re.findall(r"[\w.]+", re.sub(r"~\d+", "", name)) for name in names]
    if len({len(each) for each in words}) != 1 or len(words[0]) < _LEAST_PLACES or len(words) < 2:
        return {}
    columns = {f"op_{i}": list(column) for i, column in enumerate(zip(*words, strict=True), start=1)}
    if any(len(set(column)) > _MOST_KINDS for column in columns.values()):
        return {}
    if all(word.isdigit() for each in words for word in each):
        return {name: [int(word) for word in column] for name, column in columns.items()}
    return columns
