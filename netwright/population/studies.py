"""A population as a study of Optuna, in an SQLite file that Optuna and its dashboard open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import OutputError
from netwright.population.tables import refuse_existing
from netwright.stats.optuna_storage import STUDY_KEY
from netwright.system.atomic import explain_errors, partial_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY", "write_study"]

STUDY = "sqlite:///"  # how a target begins that is a storage of Optuna
_STATES = {"done": "COMPLETE", "failed": "FAIL", "running": "RUNNING", "waiting": "WAITING", "pruned": "PRUNED"}
# what is no parameter and no attribute of a trial: Optuna has it in another form
_ELSEWHERE = ("trial", "state", "error")


def write_study(frame: pd.DataFrame, target: str, parameters: Sequence[str], facts: Mapping[str, Any]) -> Path:
    """Write the trials as a study that minimizes the error in percent.

    Distributions go from the smallest to the largest value of a parameter, and words are categories. Curves are
    intermediate values. All else, networks too, are user attributes.

    Args:
        frame: As `Population.frame` returns it.
        target: `sqlite:///FILE`, also with `#STUDY`; the study is called after the file otherwise.
        parameters: The columns that are parameters of the trials.
        facts: seed, identity and notes, as a user attribute of the study.

    Raises:
        PopulationError: Something is there already.
        OutputError: It cannot be written, or Optuna is not installed.
    """
    name, _, study = target.removeprefix(STUDY).partition("#")
    path = Path(name)
    refuse_existing(path)
    try:
        import optuna
    except ImportError as error:
        raise OutputError(
            "a study of Optuna is written by Optuna, which is not installed: pip install optuna. Or copy to .csv."
        ) from error
    draft = partial_of(path)
    with explain_errors(path, what="the study of the population", elsewhere="another target"):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        try:
            _fill(optuna, draft, study or path.stem, frame, parameters, facts)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return path


def _fill(
    optuna: Any, file: Path, name: str, frame: pd.DataFrame, parameters: Sequence[str], facts: Mapping[str, Any]
) -> None:
    storage = optuna.storages.RDBStorage(f"{STUDY}{file}", engine_kwargs={"connect_args": {"timeout": 60}})
    try:
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            study = optuna.create_study(storage=storage, study_name=name, direction="minimize")
        finally:
            optuna.logging.set_verbosity(level)
        study.set_user_attr(STUDY_KEY, dict(facts))
        distributions = {column: _distribution(optuna, frame[column].tolist()) for column in parameters}
        study.add_trials(_trial(optuna, record, distributions) for record in frame.to_dict("records"))
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _distribution(optuna: Any, cells: list[Any]) -> Any:
    kinds = optuna.distributions
    given = [_plain(cell) for cell in cells if _is_given(cell)]
    if all(isinstance(cell, int) and not isinstance(cell, bool) for cell in given):
        return kinds.IntDistribution(min(given), max(given))
    if all(isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell) for cell in given):
        return kinds.FloatDistribution(min(given), max(given))
    return kinds.CategoricalDistribution(sorted(dict.fromkeys(given), key=str))


def _trial(optuna: Any, record: Mapping[Any, Any], distributions: Mapping[str, Any]) -> Any:
    given = {name: _plain(record[name]) for name in distributions if _is_given(record[name])}
    attributes = {
        name: _plain(value)
        for name, value in record.items()
        if name not in distributions and name not in _ELSEWHERE and _is_given(value)
    }
    curve = record.get("curve") or []
    steps = {
        int(each["epoch"]): float(each["error"])
        for each in curve
        if isinstance(each, Mapping) and each.get("error") is not None and float(each.get("epoch", -1)).is_integer()
    }
    state = optuna.trial.TrialState[_STATES[record["state"]]]
    return optuna.trial.create_trial(
        state=state,
        value=float(record["error"]) if record["state"] == "done" else None,
        params={name: float(v) if _is_float(distributions[name]) else v for name, v in given.items()},
        distributions={name: distributions[name] for name in given},
        user_attrs=attributes,
        intermediate_values={step: value for step, value in steps.items() if step >= 0},
    )


def _is_float(distribution: Any) -> bool:
    return type(distribution).__name__ == "FloatDistribution"


def _is_given(cell: Any) -> bool:
    return isinstance(cell, list | dict) or (cell is not None and cell == cell)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it; whole numbers as such where a gap in their column made them floats."""
    if isinstance(value, np.generic):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value
