"""Lists and mappings that a CSV file has as text: JSON, or what Python prints, as scripts around W&B write them."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["parsed_cells"]

_LONGEST = 4_000_000  # characters of one cell
_NETWORK = "arch"  # our column of networks stays text
_WORDS = {"nan": "None", "inf": "1e999"}


def parsed_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with values in place of text, in columns where every cell that is filled is a list or a mapping."""
    changed: dict[str, Any] = {}
    for column in frame.columns:
        given = [cell for cell in frame[column] if isinstance(cell, str)]
        if column == _NETWORK or not given or len(given) < int(frame[column].notna().sum()):
            continue
        if all(cell[:1] + cell[-1:] in ("{}", "[]") and len(cell) <= _LONGEST for cell in map(str.strip, given)):
            values = [_value(cell) if isinstance(cell, str) else None for cell in frame[column]]
            if sum(value is not None for value in values) == len(given):
                changed[str(column)] = values
    if not changed:
        return frame
    result = frame.astype(dict.fromkeys(changed, object))
    for column, values in changed.items():
        result[column] = values
    result.attrs = dict(frame.attrs)
    return result


def _value(text: str) -> list[Any] | dict[Any, Any] | None:
    """The list or mapping that a text is, None where it is neither."""
    for read in (json.loads, _literal):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        if isinstance(value, list | dict):
            return value
    return None


def _literal(text: str) -> Any:
    return ast.literal_eval(re.sub(r"(?<![\w'\"])(nan|inf)(?![\w'\"])", lambda word: _WORDS[word[1]], text.strip()))
