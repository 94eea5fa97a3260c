"""Tables with a row for each iteration of a trial, as histories of Ray Tune and W&B: one row a trial, and a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.stats.curves import EPOCHS
from netwright.stats.naming import is_response

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["one_row_each"]

_TRIALS = ("trial_id", "run_id", "run", "run_name", "_run", "trial", "experiment_tag", "name", "id", "model_id", "arch")


def one_row_each(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with the last row of each trial, and `curve`; the table itself where each row is a trial already.

    A trial's rows count iterations (`training_iteration`, `epoch`, `_step`, ...) that differ, while an error, an
    accuracy or a loss changes with them. The last value of every column that was filled is the trial's. Of a
    repeated iteration, as after a restart, the last row counts.
    """
    found = _counted(frame)
    if found is None:
        return frame
    import pandas as pd

    trial, step = found
    given = frame[frame[trial].notna() & frame[step].notna()]
    ordered = given.drop_duplicates([trial, step], keep="last").sort_values(step, kind="stable")
    numeric = ordered.select_dtypes("number").columns
    metrics = [str(name) for name in numeric if is_response(str(name)) and name != step]
    groups = ordered.groupby(trial, sort=False)
    curves = {key: _records(group, step, metrics) for key, group in groups}
    last = groups.last().reset_index()  # the last that is filled, of each column
    order = {key: place for place, key in enumerate(dict.fromkeys(given[trial]))}
    last = last.sort_values(trial, key=lambda names: names.map(order), kind="stable").reset_index(drop=True)
    last = last[list(frame.columns)]
    result = last.assign(curve=pd.Series([curves[key] for key in last[trial]], index=last.index, dtype=object))
    said = [f"{len(frame):,} rows are {len(last):,} trials ('{trial}'), each with its curve by '{step}'."]
    ends = last[step]
    if (short := int((ends < ends.max()).sum())) > 0:
        said.append(
            f"{short} of {len(last)} trials end before {step} {ends.max():g}, as by early stopping: their errors are "
            "of less training."
        )
    result.attrs = dict(frame.attrs) | {"notices": (*frame.attrs.get("notices", ()), *said), "rows": len(frame)}
    return result


def _records(group: pd.DataFrame, step: str, metrics: list[str]) -> list[dict[str, Any]]:
    records = []
    for count, *values in group[[step, *metrics]].itertuples(index=False):
        known = {name: float(value) for name, value in zip(metrics, values, strict=True) if np.isfinite(value)}
        if known:
            records.append({"epoch": int(count) if float(count).is_integer() else float(count), **known})
    return records


def _counted(frame: pd.DataFrame) -> tuple[str, str] | None:
    """The columns of trials and of iterations, None where each row is a trial."""
    names = {str(name).lower(): str(name) for name in reversed(list(frame.columns))}
    step = next((names[name] for name in EPOCHS if name in names), None)
    trial = next((names[name] for name in _TRIALS if name in names), None)
    if step is None or trial is None or "curve" in names or frame[step].dtype.kind not in "iuf":
        return None
    if any(isinstance(value, list | dict) for value in frame[trial]):
        return None
    sizes = frame.groupby(trial)[step].nunique()
    if not len(sizes) or sizes.median() < 2:
        return None
    metrics = [name for name, kind in frame.dtypes.items() if kind.kind in "iuf" and is_response(str(name))]
    moves = frame.groupby(trial)[metrics].nunique().gt(1).to_numpy() if metrics else np.zeros(1, np.bool_)
    return (trial, step) if moves.any() else None
