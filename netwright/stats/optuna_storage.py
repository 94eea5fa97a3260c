"""Optuna's studies as tables, from the SQLite file that it stores them in. Optuna itself is not needed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from netwright.errors import StatsError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY_KEY", "is_optuna_storage", "read_study"]

STUDY_KEY = "netwright"  # of what netwright attaches to a study that it writes
_TABLES = {"studies", "trials", "trial_params", "trial_values", "study_directions"}


def is_optuna_storage(file: Path) -> bool:
    """Whether a file is an SQLite database with Optuna's tables."""
    try:
        with closing(_open(file)) as db:
            return {"studies", "trials", "trial_params"} <= _tables(db)
    except sqlite3.Error:
        return False


def read_study(file: Path, study: str | None = None) -> pd.DataFrame:
    """A row for each trial of a study.

    Args:
        file: The database, as Optuna 2.4 or later writes it.
        study: The name of the study, needed where there are several.

    Returns:
        Columns number, state, value (value_0, value_1, ... of several objectives), the parameters by their names, and
        what was attached to trials as user attributes; `curve` where trials have intermediate values. `attrs` says
        which are parameters, whether to maximize, and of a study that netwright wrote the unit and its "population".

    Raises:
        StatsError: It is no such database, or none or several of its studies can be meant.
    """
    try:
        with closing(_open(file)) as db:
            if missing := _TABLES - _tables(db):
                raise StatsError(
                    f"'{file}' has no table {min(missing)!r}: it is no storage of Optuna, or one from before version "
                    f"2.4. `optuna storage upgrade --storage sqlite:///{file}` renews one."
                )
            return _read(db, file, study)
    except (sqlite3.Error, ValueError) as error:
        raise StatsError(f"'{file}' cannot be read as a storage of Optuna: {error}.") from error


def _read(db: sqlite3.Connection, file: Path, study: str | None) -> pd.DataFrame:
    import pandas as pd

    number = _choose(dict(db.execute("SELECT study_name, study_id FROM studies ORDER BY study_id")), file, study)
    directions = [
        direction == "MAXIMIZE"
        for (direction,) in db.execute(
            "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", (number,)
        )
    ]
    rows: dict[int, dict[str, Any]] = {
        trial: {"number": index, "state": state}
        for trial, index, state in db.execute(
            "SELECT trial_id, number, state FROM trials WHERE study_id = ? ORDER BY number", (number,)
        )
    }
    if not rows:
        raise StatsError(f"the study in '{file}' has no trial: run it first.")
    of_study = "FROM {} JOIN trials USING (trial_id) WHERE study_id = ?"
    for trial, objective, value in db.execute(
        f"SELECT trial_id, objective, trial_values.value {of_study.format('trial_values')}", (number,)
    ):
        rows[trial]["value" if len(directions) == 1 else f"value_{objective}"] = value
    parameters: dict[str, None] = {}
    for trial, name, value, distribution in db.execute(
        f"SELECT trial_id, param_name, param_value, distribution_json {of_study.format('trial_params')} "
        "ORDER BY number, param_id",
        (number,),
    ):
        parameters[name] = None
        rows[trial][name] = _value(value, json.loads(distribution))
    for trial, key, value in db.execute(
        f"SELECT trial_id, key, value_json {of_study.format('trial_user_attributes')}", (number,)
    ):
        rows[trial].setdefault(key, json.loads(value))
    own = _attach_more(db, number, rows)
    frame = pd.DataFrame.from_records(list(rows.values()))
    frame.attrs["parameters"] = tuple(parameters)
    if len(directions) == 1:
        frame.attrs |= {"response": "value", "maximize": directions[0]}
    if own is not None:
        frame.attrs |= {"unit": "percent", "population": own}
    return frame


def _attach_more(db: sqlite3.Connection, study: int, rows: Mapping[int, dict[str, Any]]) -> dict[str, Any] | None:
    """Add the curves of the trials, where there are any. Returns what netwright attached to the study."""
    tables = _tables(db)
    if "trial_intermediate_values" in tables:
        attached = {trial for trial in rows if "curve" in rows[trial]}
        for trial, step, value in db.execute(
            "SELECT trial_id, step, intermediate_value FROM trial_intermediate_values JOIN trials USING (trial_id) "
            "WHERE study_id = ? AND intermediate_value IS NOT NULL ORDER BY number, step",
            (study,),
        ):
            if trial not in attached:
                rows[trial].setdefault("curve", []).append({"epoch": step, "value": value})
    if "study_user_attributes" in tables:
        query = "SELECT value_json FROM study_user_attributes WHERE study_id = ? AND key = ?"
        for (text,) in db.execute(query, (study, STUDY_KEY)):
            return dict(json.loads(text))
    return None


def _choose(studies: Mapping[str, int], file: Path, study: str | None) -> int:
    if study is None and len(studies) == 1:
        return next(iter(studies.values()))
    if study is None or study not in studies:
        named = f"no study '{study}'" if study is not None else f"{len(studies)} studies"
        first = next(iter(studies), "NAME")
        raise StatsError(
            f"'{file}' has {named}. It has {', '.join(studies) or 'none'}: name one, as in '{file}#{first}'."
        )
    return studies[study]


def _value(value: float, distribution: Mapping[str, Any]) -> Any:
    """A parameter as it was suggested: Optuna stores the place of a choice, and whole numbers as floats."""
    name, details = distribution["name"], distribution.get("attributes", {})
    if name == "CategoricalDistribution":
        return details["choices"][int(value)]
    return int(value) if "Int" in name else value


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)


def _tables(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
