"""A population as the page takes it: its networks as columns, best first, so that a brush is one pass over numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netwright.population import STATES
from netwright.report.sections.points import is_wide, values_of
from netwright.report.view import PopulationView
from netwright.studio.populations import Opened

__all__ = ["COSTS", "as_json", "columns_of", "described", "numbers"]

COSTS = ("flops", "params", "acts", "latency_ms")
_MOST_COLUMNS = 40
_MOST_FAILURES = 500
_DIGITS = 7


def columns_of(opened: Opened) -> dict[str, Any]:
    """The networks that count as columns, and what is known of the population.

    Returns:
        `trial`, `error` (percent; of a failed one the worst) and `values`, a list for each column, best first; the
        last `n_failed` of them failed. `columns`: name, kind ("cost", "parameter"), ends, whether its axis is
        logarithmic, whether all values are whole, its words. `failures`: trials that failed, with reason and whose
        fault. `text`: what a person reads about it.
    """
    view = opened.view
    counted = view.counted
    names = [name for name in (*COSTS, *view.parameters) if name in counted][:_MOST_COLUMNS]
    values = {name: values_of(counted, name) for name in names}
    columns = [_column(view, name, column) for name, column in values.items()]
    kept = [each for each in columns if each is not None]
    return {
        "id": opened.entry.id,
        "mark": "-".join(map(str, opened.mark)),
        "space": opened.space,
        "trial": [int(trial) for trial in counted["trial"]],
        "error": numbers(counted["error"].to_numpy(np.float64)),
        "n_failed": view.n_failed,
        "worst": view.failure_error,
        "columns": kept,
        "values": {each["name"]: numbers(values[each["name"]]) for each in kept},
        "failures": _failures(view),
        **described(opened),
    }


def described(opened: Opened) -> dict[str, Any]:
    """Facts about a population."""
    view, states = opened.view, opened.view.trials["state"]
    seconds = values_of(view.trials, "seconds") if "seconds" in view.trials else np.empty(0)
    return {
        "tally": view.tally(),
        "legend": view.legend() if len(view.errors) else "",
        "counts": {state: int((states == state).sum()) for state in STATES},
        "n": len(view.trials),
        "best": float(view.errors[0]) if len(view.errors) else None,
        "mean": float(view.errors.mean()) if len(view.errors) else None,
        "lost": view.outcomes.lost,
        "seconds": float(np.nansum(seconds)) if np.isfinite(seconds).any() else None,
        "size": _size(view.size),
        "notices": list(view.notices),
        "can_refine": bool(view.space),
        "drawn_alike": not any("no random sample" in each for each in view.notices),
    }


def numbers(values: Sequence[float] | np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    """As JSON has them: seven digits, whole numbers as such, null for what is not known."""
    found: list[float | None] = []
    for value in np.asarray(values, np.float64).tolist():
        if not np.isfinite(value):
            found.append(None)
        else:
            found.append(int(value) if value.is_integer() else float(f"{value:.{_DIGITS}g}"))
    return found


def _size(size: float) -> float | None:
    """Orders of magnitude; None where it is unknown or infinite."""
    return float(np.log10(size)) if 0 < size < np.inf else None


def _column(view: PopulationView, name: str, values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any] | None:
    """What an axis of it needs; None where it does not vary."""
    known = values[np.isfinite(values)]
    if not known.size or known.min() == known.max():
        return None
    low, high = float(known.min()), float(known.max())
    return {
        "name": name,
        "kind": "cost" if name in COSTS else "parameter",
        "ends": [low, high],
        "allowed": [None if not np.isfinite(end) else float(end) for end in view.bounds[name]]
        if name in view.bounds
        else None,
        "log": is_wide(low, high),
        "whole": bool((known == np.round(known)).all()),
        "words": list(view.categories.get(name, ())),
    }


def _failures(view: PopulationView) -> list[dict[str, Any]]:
    kept = view.failures.head(_MOST_FAILURES)
    rows: Sequence[Mapping[Any, Any]] = kept.to_dict("records")
    return [
        {
            "trial": int(row["trial"]),
            "reason": _text(row.get("reason")),
            "failure": _text(row.get("failure")) or "network",
            "attempts": _whole(row.get("attempts")),
        }
        for row in rows
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and value == value else None


def as_json(values: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(values, allow_nan=False, separators=(",", ":")).encode()
