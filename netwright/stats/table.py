"""Populations as tables: reading them, from our files and from those of others."""

from __future__ import annotations

import json
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.errors import StatsError
from netwright.stats.cells import parsed_cells
from netwright.stats.iterations import one_row_each
from netwright.stats.keyed_json import keyed_frame
from netwright.stats.nested import flat
from netwright.stats.optuna_storage import is_optuna_storage, read_study
from netwright.stats.pycls_sweep import is_pycls_sweep, sweep_frame
from netwright.stats.response import OURS, ErrorColumn, error_column

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DATABASES", "ErrorColumn", "error_column", "read_table"]

DATABASES = (".db", ".sqlite", ".sqlite3")
# columns of our own tables that are text even where they look like numbers
_TEXTS = dict.fromkeys(("state", "reason", "failure", "label", "arch", "curve"), str)


def read_table(path: str | PathLike[str] | pd.DataFrame) -> pd.DataFrame:
    """Read a table with one row for each network.

    Args:
        path: A .csv, .tsv, .parquet, .jsonl or .ndjson file; a .json file with a list of rows, a mapping from the name
            of each network to what is known of it, or pycls's sweep.json; an SQLite file of Optuna, also as a URL
            (sqlite:///study.db), with the study's name after a # where there are several. A data frame is returned
            as it is.

    Returns:
        The table. Values inside JSON values are columns of their own. Where a file has a row for each iteration of a
        trial, the table has the last one, and `curve`. Its `attrs` may have "notices" (what was understood), "rows" (of
        the file, where there are fewer here), "parameters", and of a study "response" and "maximize".

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
        ".parquet": _read_parquet,
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
    return one_row_each(frame)


def _read_csv(file: Path) -> pd.DataFrame:
    """With commas, or with semicolons, as spreadsheets write where the comma is in numbers."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        head = lines.readline()
    return _separated(file, ";" if ";" in head and "," not in head else ",", head)


def _separated(file: Path, mark: str, head: str) -> pd.DataFrame:
    import pandas as pd

    # what newer versions do by default: the number that was written, to the last digit
    older = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1)
    how: dict[str, Any] = {"float_precision": "round_trip"} if older else {}
    if {name.strip('" \n\ufeff') for name in head.split(mark)} >= OURS:  # only an empty cell is empty
        how |= {"dtype": _TEXTS, "keep_default_na": False, "na_values": [""]}
    return _unfolded(pd.read_csv(file, sep=mark, **how))


def _unfolded(frame: pd.DataFrame) -> pd.DataFrame:
    """With columns for what is inside cells; those of our own tables stay as they are."""
    parsed = parsed_cells(frame)
    return parsed if parsed is frame or {*frame.columns} >= OURS else flat(parsed)


def _read_tabs(file: Path) -> pd.DataFrame:
    with file.open(encoding="utf-8", errors="replace") as lines:
        return _separated(file, "\t", lines.readline())


def _read_parquet(file: Path) -> pd.DataFrame:
    import pandas as pd

    return _unfolded(pd.read_parquet(file))


def _read_lines(file: Path) -> pd.DataFrame:
    import pandas as pd

    with file.open(encoding="utf-8", errors="replace") as lines:
        head = lines.readline()
    if head.startswith("{") and all(f'"{name}":' in head for name in OURS):  # nothing is guessed of our own values
        return pd.DataFrame.from_records([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()])
    return flat(pd.read_json(file, lines=True))


def _read_json(file: Path) -> pd.DataFrame:
    import pandas as pd

    content = json.loads(file.read_text(encoding="utf-8"))
    if is_pycls_sweep(content):
        return sweep_frame(content)
    if isinstance(content, list) and all(isinstance(row, dict) for row in content):
        return flat(pd.DataFrame.from_records(content))
    keyed = keyed_frame(content)
    if keyed is not None:
        return keyed
    raise StatsError(
        f"'{file}' must be a list with one mapping for each network, or a mapping from the name of each "
        "network to one. From another form, pandas makes a table: "
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
