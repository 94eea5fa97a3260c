"""Populations as tables: reading them, from our files and from those of others."""

from __future__ import annotations

import json
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.errors import StatsError
from netwright.stats.nested import flat
from netwright.stats.optuna_storage import is_optuna_storage, read_study
from netwright.stats.pycls_sweep import is_pycls_sweep, sweep_frame
from netwright.stats.response import ErrorColumn, error_column

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DATABASES", "ErrorColumn", "error_column", "read_table"]

DATABASES = (".db", ".sqlite", ".sqlite3")


def read_table(path: str | PathLike[str] | pd.DataFrame) -> pd.DataFrame:
    """Read a table with one row for each network.

    Args:
        path: A .csv, .tsv, .parquet, .jsonl or .ndjson file; a .json file with a list of rows, or pycls's sweep.json;
            an SQLite file of Optuna, also as a URL (sqlite:///study.db), with the study's name after a # where there
            are several. A data frame is returned as it is.

    Returns:
        The table. Values inside JSON values are columns of their own. Its `attrs` may have "notices" (what was
        understood), "parameters", and of a study "response" and "maximize".

    Raises:
        StatsError: The file is missing, empty, unreadable or of another kind.
    """
    import pandas as pd  # only tables need it

    if isinstance(path, pd.DataFrame):
        return path
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": _read_csv,
        ".json": _read_json,
        ".jsonl": _read_lines,
        ".ndjson": _read_lines,
        ".parquet": pd.read_parquet,
        ".tsv": _read_tabs,
    }
    name, _, study = str(path).removeprefix("sqlite:///").partition("#")
    if str(path).startswith("sqlite:///") or Path(name).suffix.lower() in DATABASES:
        return _read_database(Path(name), study or None)
    file = Path(path)
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise StatsError(
            f"a table must end in {', '.join([*readers, *DATABASES])}, and '{file}' does not: export it as one of them."
        )
    if not file.is_file():
        raise StatsError(f"no table at '{file}': check the path.")
    try:
        frame = reader(file)
    except (ValueError, OSError) as error:  # the parsers of csv, json and parquet all raise one of the two
        raise StatsError(f"'{file}' cannot be read as {file.suffix}: {error}. Export it again.") from error
    if frame.empty:
        raise StatsError(f"a table must hold a row, and '{file}' has none: export it again.")
    return frame


def _read_csv(file: Path) -> pd.DataFrame:
    """With commas, or with semicolons, as spreadsheets write where the comma is in numbers."""
    import pandas as pd

    with file.open(encoding="utf-8", errors="replace") as lines:
        head = lines.readline()
    if ";" in head and "," not in head:
        return pd.read_csv(file, sep=";")
    return pd.read_csv(file)


def _read_tabs(file: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(file, sep="\t")


def _read_lines(file: Path) -> pd.DataFrame:
    import pandas as pd

    return flat(pd.read_json(file, lines=True))


def _read_json(file: Path) -> pd.DataFrame:
    import pandas as pd

    content = json.loads(file.read_text(encoding="utf-8"))
    if is_pycls_sweep(content):
        return sweep_frame(content)
    if isinstance(content, list) and all(isinstance(row, dict) for row in content):
        return flat(pd.DataFrame.from_records(content))
    raise StatsError(
        f"'{file}' must be a list with one mapping for each network. From another form, pandas makes a table: "
        f"python -c \"import pandas; pandas.json_normalize(pandas.read_json('{file}', typ='series')['trials'])"
        f".to_csv('{file.with_suffix('.csv')}', index=False)\", with the name of the list that the networks are in."
    )


def _read_database(file: Path, study: str | None) -> pd.DataFrame:
    if not file.is_file():
        raise StatsError(f"no table at '{file}': check the path.")
    if not is_optuna_storage(file):
        raise StatsError(
            f"'{file}' must be a storage of Optuna, or a population of netwright. From another database, pandas makes "
            f"a table: pandas.read_sql('select * from TABLE', 'sqlite:///{file}').to_csv('table.csv', index=False)."
        )
    return read_study(file, study)
