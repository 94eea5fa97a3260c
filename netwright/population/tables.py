"""A population as a table for other programs: CSV, Parquet, or JSON lines, with a row for each trial."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from netwright.errors import PopulationError
from netwright.system.atomic import atomic_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TABLES", "facts_of", "refuse_existing", "write_table"]

_KEY = b"netwright"  # of a Parquet file's metadata


def write_table(frame: pd.DataFrame, path: Path, facts: Mapping[str, Any]) -> Path:
    """Write the trials as a table.

    Args:
        frame: As `Population.frame` returns it. Networks and curves are JSON in a CSV file, and in a Parquet file too.
        path: A file that ends in one of `TABLES`.
        facts: seed, identity and notes; only a Parquet file has a place for them.

    Raises:
        PopulationError: Something is there already.
        OutputError: It cannot be written.
    """
    refuse_existing(path)
    with atomic_file(path, what="the table of the population", elsewhere="another target") as file:
        TABLES[path.suffix.lower()](frame, file, facts)
    return path


def refuse_existing(path: Path) -> None:
    """PopulationError where something is at the path."""
    if os.path.lexists(path):
        raise PopulationError(f"{path} is there already, and a copy replaces nothing. Choose another target.")


def facts_of(path: Path) -> dict[str, Any] | None:
    """seed, identity and notes that a Parquet file of ours has; None for any other file."""
    import pyarrow.parquet as pq

    if path.suffix.lower() != ".parquet":
        return None
    stored = (pq.read_schema(path).metadata or {}).get(_KEY)
    return None if stored is None else dict(json.loads(stored))


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """With JSON in place of lists and mappings."""
    columns = {}
    for name in frame.columns:
        if any(isinstance(cell, list | dict) for cell in frame[name]):
            columns[name] = [json.dumps(cell) if isinstance(cell, list | dict) else cell for cell in frame[name]]
    return frame.assign(**columns)


def _write_csv(frame: pd.DataFrame, file: BinaryIO, facts: Mapping[str, Any]) -> None:
    _as_text(frame).to_csv(file, index=False, mode="wb")


def _write_parquet(frame: pd.DataFrame, file: BinaryIO, facts: Mapping[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = _as_text(frame)
    for name in text.columns:  # a column of a file has one type
        given = text[name].notna()
        if text[name].dtype == object and len({type(cell) for cell in text[name][given]}) > 1:
            text[name] = text[name].map(str).where(given)
    table = pa.Table.from_pandas(text, preserve_index=False)
    pq.write_table(table.replace_schema_metadata((table.schema.metadata or {}) | {_KEY: json.dumps(facts)}), file)


def _write_lines(frame: pd.DataFrame, file: BinaryIO, facts: Mapping[str, Any]) -> None:
    for record in frame.to_dict("records"):
        known = {
            key: value if isinstance(value, list | dict) or value == value else None for key, value in record.items()
        }
        file.write(json.dumps(known).encode() + b"\n")


TABLES: dict[str, Callable[[pd.DataFrame, BinaryIO, Mapping[str, Any]], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".jsonl": _write_lines,
}
