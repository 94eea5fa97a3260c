"""The rows of a table of others as trials of a population: what has a place of its own, and what is kept beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.analysis.columns import PREFIXES
from netwright.arch import Arch, complexity
from netwright.population import ImportedTrial, failure_of
from netwright.population.repeats import COLUMN as REPEATS
from netwright.stats.states import trial_states

if TYPE_CHECKING:
    import pandas as pd

    from netwright.report import PopulationView

__all__ = ["missing_reason", "own_names", "trials_of"]

_RESERVED = (
    *("trial", "state", "reason", "failure", "error", "flops", "params", "acts", "seconds", "seed", "attempts"),
    *("label", "arch", "curve", "repeats"),
)
_SECONDS = ("seconds", "train_seconds", "time_total_s", "runtime", "_runtime", "duration")
_LABELS = (
    "label",
    "architecture",
    "arch",
    "name",
    "display_name",
    "model",
    "modelid",
    "model_id",
    "trial_id",
    "run_name",
    "run_id",
    "id",
)
_LARGEST = 2**63 - 1  # of a whole number in SQLite


def own_names(frame: pd.DataFrame, parameters: Sequence[str]) -> dict[str, str]:
    """Column -> its name in the population, of those that change.

    `config/lr` is `lr` where nothing else is called so; what has a name of ours and another meaning gets `_before`.
    """
    known = {str(column) for column in frame.columns}
    names: dict[str, str] = {}
    for column in map(str, frame.columns):
        prefix = next((prefix for prefix in PREFIXES if column.startswith(prefix)), "")
        short = column[len(prefix) :]
        if prefix and short and short not in known and short not in names.values() and short not in _RESERVED:
            names[column] = short
        elif column in _RESERVED and column in parameters:
            names[column] = f"{column}_before"
    return names


def missing_reason(column: str) -> str:
    """Why a row failed that has no error."""
    return f"no {column}"


def trials_of(
    frame: pd.DataFrame,
    view: PopulationView,
    column: str,
    names: Mapping[str, str],
    archs: Sequence[Arch | None],
) -> list[ImportedTrial]:
    """A trial for each row.

    Args:
        frame: The table.
        view: What was understood of it: errors in percent, states, costs, curves.
        column: Of the table's errors.
        names: As `own_names` returns them.
        archs: The network of each row, where there is one.
    """
    known = view.trials
    states = trial_states(frame)
    fields = _fields(frame, archs)
    used = {*fields.values(), "curve", "reason", "failure", *([] if states is None else [states.column])}
    used |= {name for name in ("flops", "params", "acts") if name in frame and frame[name].dtype.kind in "iuf"}
    if column == "error" or frame.attrs.get("population"):  # a study of ours has the error in percent as its value
        used.add(column)
    if "number" in frame and frame["number"].tolist() == list(range(len(frame))):
        used.add("number")  # of Optuna: the place of the row
    parameters = {name: names.get(name, name) for name in view.parameters}
    rest = {name: _beside(name, names) for name in map(str, frame.columns) if name not in used | {*parameters}}
    cells = {name: frame[name].tolist() for name in [*parameters, *rest, *fields.values()]}
    indices = cells[fields["trial"]] if "trial" in fields else range(len(frame))
    repeats = [_repeats(cell) for cell in frame[REPEATS]] if REPEATS in frame else [()] * len(frame)
    if any(repeats):
        rest.pop(f"{REPEATS}", None)
    trials = []
    for row, record in enumerate(known.to_dict("records")):
        arch = archs[row]
        given = {field: cells[name][row] for field, name in fields.items() if _is_given(cells[name][row])}
        state = str(record["state"])
        reason = record["reason"] if isinstance(record["reason"], str) and record["reason"] else None
        if state == "done" and not _is_given(record["error"]):
            state = "failed"
        if state == "failed":
            reason = reason or missing_reason(column)
        trials.append(
            ImportedTrial(
                index=int(indices[row]),
                state=state,
                error=float(record["error"]) if state == "done" else None,
                reason=reason if state == "failed" else None,
                failure=_failure(record, reason) if state == "failed" else None,
                **_costs(record, arch),
                seconds=float(given["seconds"]) if "seconds" in given else None,
                seed=int(given["seed"]) if "seed" in given else None,
                attempts=int(given.get("attempts", 0)),
                label=str(given.get("label", "")),
                parameters=_known({own: cells[name][row] for name, own in parameters.items()}),
                extra=_known({own: cells[name][row] for name, own in rest.items()}),
                curve=_curve(record.get("curve")),
                arch=arch,
                repeats=repeats[row],
            )
        )
    return trials


def _fields(frame: pd.DataFrame, archs: Sequence[Arch | None]) -> dict[str, str]:
    """Field of a trial -> the column that it is in."""
    plain = {str(column).lower(): str(column) for column in reversed(list(frame.columns))}
    fields: dict[str, str] = {}
    for field in ("trial", "seed", "attempts"):
        if field in frame.columns and _are_whole(frame[field]):
            fields[field] = field
    if "trial" in fields and (frame["trial"].isna().any() or not frame["trial"].is_unique):
        del fields["trial"]
    seconds = next((plain[name] for name in _SECONDS if name in plain), None)
    if seconds is not None and frame[seconds].dtype.kind in "iuf":
        fields["seconds"] = seconds
    has_networks = any(arch is not None for arch in archs)
    for name in _LABELS:
        column = plain.get(name)
        if column is None or (name == "arch" and has_networks):
            continue
        if name == "label" or frame[column].dropna().is_unique:
            fields["label"] = column
            break
    if has_networks and "arch" in frame.columns:
        fields["arch"] = "arch"
    return fields


def _are_whole(cells: pd.Series[Any]) -> bool:
    if cells.dtype.kind not in "iuf":
        return False
    given = cells.dropna()
    return bool(((given % 1 == 0) & (given >= 0) & (given < _LARGEST)).all())


def _beside(name: str, names: Mapping[str, str]) -> str:
    own = names.get(name, name)
    return f"{own}_before" if own in _RESERVED else own


def _failure(record: Mapping[Any, Any], reason: str | None) -> str:
    given = record.get("failure")
    return given if given in ("network", "machine") else failure_of(reason)


def _costs(record: Mapping[Any, Any], arch: Arch | None) -> dict[str, int | None]:
    """As the table has them, else of the network."""
    counted = None if arch is None else complexity(arch)
    costs: dict[str, int | None] = {}
    for name in ("flops", "params", "acts"):
        given = record.get(name)
        is_number = isinstance(given, int | float | np.number) and math.isfinite(given) and 0 <= given < _LARGEST
        costs[name] = round(float(given)) if is_number and given is not None else None
        if costs[name] is None and counted is not None:
            costs[name] = int(getattr(counted, name)[0])
    return costs


def _curve(cell: Any) -> list[Any]:
    return [_plain(record) for record in cell] if isinstance(cell, list) else []


def _repeats(cell: Any) -> tuple[dict[str, Any], ...]:
    """The repeats that a copy of a population has for a trial; of any other cell none."""
    is_ours = isinstance(cell, list) and all(isinstance(x, dict) and {"repeat", "state"} <= set(x) for x in cell)
    return tuple(cell) if is_ours else ()


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items() if _is_given(value)}


def _is_given(cell: Any) -> bool:
    return isinstance(cell, list | dict) or (cell is not None and cell == cell)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
