"""Learning curves of tables: epochs as columns (e1_acc, e2_acc, ...) or as lists in cells, with errors in percent."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.stats.checks import FloatArray
from netwright.stats.naming import is_accuracy, is_error, is_loss, is_response, plain_name, words_of

if TYPE_CHECKING:
    import pandas as pd

    from netwright.stats.response import Response

__all__ = ["EPOCHS", "Curve", "epoch_columns", "folded", "listed_curves", "with_errors"]

Curve = list[dict[str, Any]]

# what counts the records of a curve, in the order of preference
EPOCHS = ("epoch", "training_iteration", "iteration", "step", "_step", "global_step")
_COUNTER = r"(?:e|ep|epochs?|iter|iterations?|steps?)"
_FORMS = (
    re.compile(rf"(?P<counter>{_COUNTER})[ _./-]?(?P<epoch>\d+)[ _./-]?(?P<metric>[A-Za-z].*)", re.IGNORECASE),
    re.compile(rf"(?P<metric>.*\w)[ _./-](?P<counter>{_COUNTER})[ _./-]?(?P<epoch>\d+)", re.IGNORECASE),
)
_LEAST = 3  # columns that are a curve: two may be anything
_EQUAL = 0.9  # share of rows in which a curve ends at the response, or has it as its best


def epoch_columns(names: Iterable[str]) -> dict[str, dict[int, str]]:
    """Metric -> epoch -> column, of errors, accuracies and losses that have a column for each of three epochs or more.

    `e1Accuracy`, `epoch_1_val_acc` and `val_acc_epoch1` are such names. `val_acc_1` is not: it may be a seed.
    """
    found: dict[str, dict[int, str]] = {}
    for name in names:
        match = next((match for form in _FORMS if (match := form.fullmatch(name))), None)
        if match is not None and is_response(match["metric"]):
            found.setdefault(match["metric"], {}).setdefault(int(match["epoch"]), name)
    return {metric: dict(sorted(columns.items())) for metric, columns in found.items() if len(columns) >= _LEAST}


def folded(frame: pd.DataFrame, keep: Collection[str] = ()) -> pd.DataFrame:
    """The table with a column `curve` in place of its columns of epochs; the table itself where it has none.

    Args:
        frame: One row for each network.
        keep: Columns that stay beside the curve.
    """
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    numeric = [str(name) for name, kind in frame.dtypes.items() if is_numeric_dtype(kind)]
    metrics = epoch_columns(numeric)
    if not metrics or "curve" in frame.columns:
        return frame
    epochs = sorted({epoch for columns in metrics.values() for epoch in columns})
    values = {metric: frame[list(columns.values())].to_numpy(np.float64) for metric, columns in metrics.items()}
    at = {metric: {epoch: i for i, epoch in enumerate(columns)} for metric, columns in metrics.items()}
    curves = []
    for row in range(len(frame)):
        records: Curve = []
        for epoch in epochs:
            record = {m: float(values[m][row, at[m][epoch]]) for m in metrics if epoch in at[m]}
            record = {metric: value for metric, value in record.items() if np.isfinite(value)}
            if record:
                records.append({"epoch": epoch, **record})
        curves.append(records)
    used = {name for columns in metrics.values() for name in columns.values()}
    rest = frame.drop(columns=[name for name in used if name not in keep])
    said = [f"curves of {len(epochs)} epochs, {epochs[0]} to {epochs[-1]}: {', '.join(metrics)}."]
    if not any(is_response(str(name)) for name in rest.columns):  # the table has no other error
        for metric, columns in metrics.items():
            last = frame[list(columns.values())].ffill(axis=1).iloc[:, -1]
            rest = rest.assign(**{metric: last})
            said.append(f"'{metric}' is the last value of each curve.")
    result = rest.assign(curve=pd.Series(curves, index=rest.index, dtype=object))
    result.attrs = dict(frame.attrs) | {"notices": (*frame.attrs.get("notices", ()), *said)}
    return result


def listed_curves(frame: pd.DataFrame) -> list[Curve] | None:
    """The curves that lists in cells are: of records, or of numbers with the name of an error, an accuracy or a loss.

    Returns:
        Records with their epoch for each row; None where no column has such lists.
    """
    curves: list[Curve] = [[] for _ in range(len(frame))]
    for column in frame.columns:
        for row, cell in enumerate(frame[column]):
            if not isinstance(cell, list) or not cell:
                continue
            numbers = is_response(str(column)) and all(each is None or _is_number(each) for each in cell)
            if not numbers and not (all(isinstance(each, Mapping) for each in cell) and _has_response(cell)):
                continue
            for i, each in enumerate(cell):
                record = {str(column): each} if numbers else {str(key): value for key, value in each.items()}
                if i == len(curves[row]):
                    curves[row].append({"epoch": _epoch_of(record, i)})
                curves[row][i] |= {key: value for key, value in record.items() if key != "epoch"}
    return curves if any(curves) else None


def _has_response(records: Sequence[Mapping[str, Any]]) -> bool:
    last = records[-1]
    return any(is_response(str(key)) and _is_number(value) for key, value in last.items())


def _epoch_of(record: Mapping[str, Any], place: int) -> Any:
    """Of a record, by its own count where it has one."""
    return next((record[name] for name in EPOCHS if _is_number(record.get(name))), place + 1)


def with_errors(curves: Sequence[Any], raw: FloatArray, found: Response) -> list[Any]:
    """The curves with an `error` in percent in each record, as far as one of their numbers can be it.

    Args:
        curves: A list of records for each row; what is none stays as it is.
        raw: (rows,) the response as the table has it.
        found: What was understood of the response; what applies to it applies to the number of its name.
    """
    metric = _metric(curves, raw, found)
    if metric is None or (metric == "error" and not found.higher and not found.fraction):
        return list(curves)
    values = [v for v in _numbers_of(curves, metric) if np.isfinite(v)]
    same = plain_name(metric) == plain_name(found.name) or found.higher == is_accuracy(metric)
    higher = found.higher if same else is_accuracy(metric)
    fraction = found.fraction if same else bool(values) and min(values) >= 0 and max(values) <= 1
    scale = 100.0 if fraction else 1.0

    def converted(record: Mapping[str, Any]) -> dict[str, Any]:
        if not _is_number(record.get(metric)):
            return dict(record)
        value = scale * float(record[metric])
        return dict(record) | {"error": 100 - value if higher else value}

    return [
        [converted(each) if isinstance(each, Mapping) else each for each in curve] if isinstance(curve, list) else curve
        for curve in curves
    ]


def _metric(curves: Sequence[Any], raw: FloatArray, found: Response) -> str | None:
    """The number in the records that is the response after each epoch."""
    names: list[str] = list(
        dict.fromkeys(
            str(key)
            for curve in curves
            if isinstance(curve, list)
            for record in curve
            if isinstance(record, Mapping)
            for key, value in record.items()
            if _is_number(value) and key not in EPOCHS
        )
    )
    for name in names:
        if plain_name(name) == plain_name(found.name):
            return name
    if "error" in names:
        return "error"
    matching = [name for name in names if _reaches(curves, name, raw, found.higher)]
    if len(matching) == 1:
        return matching[0]
    right = [name for name in names if (is_accuracy(name) or is_error(name)) and not is_loss(name)]
    measured = [name for name in right if not {"train", "training"} & {*words_of(name)}]
    return measured[0] if len(measured) == 1 else None


def _reaches(curves: Sequence[Any], name: str, raw: FloatArray, higher: bool) -> bool:
    """Whether the curves of a number end at the response, or have it as their best, in nearly every row."""
    rows = [row for row, curve in enumerate(curves) if np.isfinite(raw[row]) and isinstance(curve, list) and curve]
    hits = 0
    for row in rows:
        values = _numbers_of([curves[row]], name)
        if values:
            hits += bool(np.isclose(raw[row], (values[-1], max(values) if higher else min(values)), rtol=1e-9).any())
    return bool(rows) and hits >= _EQUAL * len(rows)


def _numbers_of(curves: Sequence[Any], name: str) -> list[float]:
    return [
        float(record[name])
        for curve in curves
        if isinstance(curve, list)
        for record in curve
        if isinstance(record, Mapping) and _is_number(record.get(name))
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
