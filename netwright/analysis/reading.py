"""Reading populations: a run folder, or any table with errors, as a report takes it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.analysis.columns import check_names, sort_columns
from netwright.errors import OutputError, PopulationError, StatsError
from netwright.population import FILE, Population, mixed_sessions
from netwright.space import DesignSpace
from netwright.space.drawn_setting import codes
from netwright.stats.checks import FloatArray
from netwright.stats.curves import folded, with_errors
from netwright.stats.naming import words_of
from netwright.stats.optuna_storage import is_optuna_storage
from netwright.stats.response import Response, response
from netwright.stats.states import TrialStates, trial_states
from netwright.stats.table import DATABASES, read_table

if TYPE_CHECKING:
    import pandas as pd

    from netwright.report import PopulationView, Provenance

__all__ = ["read", "table_view", "understood", "view", "view_of"]

_MOST_TRIALS = 20_000  # of a population: a band of so many is within 0.01, and all else takes memory in proportion
_OF_NETWORKS = ("flops", "params", "acts", "seconds", "seed", "label", "arch", "curve")
# our cost -> how others call it, and how many of ours one of theirs is
_COSTS = {
    "flops": {"macs": 1, "nummacs": 1, "mmacs": 1e6, "gmacs": 1e9},
    "params": {"numparams": 1, "mparams": 1e6, "paramcount": 1e6},
}


def view(
    name: str,
    frame: pd.DataFrame,
    space: DesignSpace,
    rejections: Mapping[str, int],
    title: str = "",
    provenance: Provenance | None = None,
) -> PopulationView:
    """A population of a space, as a report takes it.

    Args:
        name: Short name of the population.
        frame: One row for each trial, as `Population.frame()` returns it.
        space: The space that it was sampled from.
        rejections: How sampling went, as `netwright.space.draw` counts it.
        title: Longer name, for headings.
        provenance: How the networks were trained.
    """
    from netwright.report import PopulationView

    known = {name: each for name, each in space.words.items() if name in frame}
    return PopulationView(
        name=name,
        title=title,
        frame=frame.assign(**{name: codes(name, frame[name].tolist(), each) for name, each in known.items()}),
        parameters=space.columns,
        categories=known,
        space=space.to_dict(),
        bounds={column: each.bounds for column, each in space.distributions.items() if column not in known},
        size=_as_float(space.size()),
        rejections=rejections,
        provenance=provenance,
    )


def _as_float(size: float) -> float:
    """A whole number beyond 1e308 is as good as infinite."""
    return float(size) if size <= sys.float_info.max else math.inf


def read(
    ref: str | Path,
    *,
    error: str | None = None,
    maximize: bool | None = None,
    unit: str | None = None,
    parameters: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
) -> PopulationView:
    """Read a population.

    What was understood of a table, and which of its columns are no parameters and why, is in `notices` of the result.

    Args:
        ref: A run folder; a table (.csv, .parquet, .jsonl); pycls's sweep.json; an SQLite file of Optuna (study.db or
            sqlite:///study.db, with #NAME for one of several studies).
        error: The column of errors, where it cannot be guessed. Like `maximize` and `unit`, it is about tables.
        maximize: Whether that column is an accuracy or a score, higher is better; by default its name says it.
        unit: "percent" or "fraction"; by default values that all lie between 0 and 1 are fractions.
        parameters: The columns that are parameters, where they cannot be guessed; nothing else is one then.
        ignore: Columns that are none.

    Raises:
        PopulationError: There is no population in the folder, or a damaged one.
        StatsError: The table cannot be read, its error column cannot be found, a state is not known, or a column is
            not there.
    """
    name = str(ref).removeprefix("sqlite:///").partition("#")[0]
    path = Path(name)
    if path.is_dir() or path.name == FILE or not path.suffix or _is_population(path):
        with Population.open(path) as population, population.snapshot():
            return view_of(
                population,
                path.name,
                error=error,
                maximize=maximize,
                unit=unit,
                parameters=parameters,
                ignore=ignore,
            )
    frame = folded(read_table(str(ref)), keep=[*([error] if error else ()), *(parameters or ())])
    title = str(ref).partition("#")[2] or path.stem
    try:
        return table_view(title, frame, error=error, maximize=maximize, unit=unit, parameters=parameters, ignore=ignore)
    except StatsError as wrong:
        raise StatsError(f"{ref}: {wrong}") from wrong


def view_of(
    population: Population,
    name: str = "",
    *,
    error: str | None = None,
    maximize: bool | None = None,
    unit: str | None = None,
    parameters: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    light: bool = False,
) -> PopulationView:
    """An open population, as `read` returns it.

    Args:
        population: As `Population.open` or `snapshot` returns it.
        name: Of one without a space, where it does not know its own.
        error: As for `read`, like all that follow but the last.
        maximize: Likewise.
        unit: Likewise.
        parameters: Likewise.
        ignore: Likewise.
        light: As for `Population.frame`.
    """
    from netwright.report import Provenance

    held = len(population)
    frame, identity, notes = population.frame(most=_MOST_TRIALS, light=light), population.identity, population.notes
    repeats = None if (seeds := population.repeats()) is None else seeds.frame(light=light)
    provenance = Provenance.of(identity, notes, population.seed, mixed_sessions(notes))
    if identity.get("space") is None:
        imported = notes.get("import", {})
        known = imported.get("parameters") if parameters is None else parameters
        kept = [each for each in known if each not in ignore] if known is not None else None
        own: dict[str, Any] = (
            {"error": "error", "unit": "percent"}
            if error is None
            else {"error": error, "maximize": maximize, "unit": unit}
        )
        found = table_view(imported.get("name") or name, _known_columns(frame), **own, parameters=kept, ignore=ignore)
        # of another column the repeats have no errors
        return replace(found, provenance=provenance, repeats=repeats if error in (None, "error") else None)
    space = DesignSpace.from_dict(identity["space"])
    found = view(space.name, frame, space, notes.get("account", {}), provenance=provenance)
    of_tables = {"error": error, "maximize": maximize, "unit": unit}
    notices = tuple(
        f"--{flag} is for tables; a population has its errors in percent" for flag, x in of_tables.items() if x
    )
    if held > len(frame):
        notices += (
            f"{len(frame):,} of its {held:,} trials, drawn at random (seed 0): what is shown is of these, with the "
            "bands and tests of so many",
        )
    if sampler := identity.get("sampler"):
        notices += (
            f"the networks were proposed by {sampler} and are no random sample of the space: what bands and tests "
            "show of a space does not hold for it",
        )
    if (pruner := identity.get("pruner")) and (pruned := found.outcomes.pruned):
        notices += (
            f"{pruned} of {len(found.trials)} trials were pruned by {pruner} and are in no figure: the others are the "
            "better networks, and no random sample of the space",
        )
    return replace(_restricted(found, parameters, ignore), notices=notices, repeats=repeats)


def _known_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the columns of ours of which an imported population knows nothing."""
    empty = [name for name in _OF_NETWORKS if name in frame and not frame[name].map(_is_known).any()]
    return frame.drop(columns=empty)


def _is_known(cell: Any) -> bool:
    return bool(cell) if isinstance(cell, list | str) else cell is not None and cell == cell


def _is_population(path: Path) -> bool:
    """Whether a database with another name is one of ours."""
    return path.suffix.lower() in DATABASES and path.is_file() and not is_optuna_storage(path) and _has_meta(path)


def _has_meta(path: Path) -> bool:
    try:
        Population.open(path).close()
    except (PopulationError, OutputError):
        return False
    return True


def _restricted(found: PopulationView, parameters: Sequence[str] | None, ignore: Sequence[str]) -> PopulationView:
    """Only some of the parameters that a space has."""
    if parameters is None and not ignore:
        return found
    check_names(found.frame, [*(parameters or ()), *ignore], "parameters and ignore")
    kept = found.parameters if parameters is None else tuple(parameters)
    return replace(found, parameters=tuple(name for name in kept if name not in ignore))


def table_view(
    name: str,
    frame: pd.DataFrame,
    *,
    error: str | None = None,
    maximize: bool | None = None,
    unit: str | None = None,
    parameters: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
) -> PopulationView:
    """A table as a report takes it: errors in percent, our words for states, numbers for words.

    Args:
        name: Short name of the population.
        frame: One row for each network.
        error: As for `read`, like all that follow.
        maximize: Likewise.
        unit: Likewise.
        parameters: Likewise.
        ignore: Likewise.
    """
    named: dict[str, Any] = {
        "error": error,
        "maximize": maximize,
        "unit": unit,
        "parameters": parameters,
        "ignore": ignore,
    }
    return understood(name, frame, **named)[0]


def understood(
    name: str,
    frame: pd.DataFrame,
    *,
    error: str | None = None,
    maximize: bool | None = None,
    unit: str | None = None,
    parameters: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
) -> tuple[PopulationView, str]:
    """`table_view`, and the name of the column that its errors are from."""
    import pandas as pd

    from netwright.report import PopulationView

    said = tuple(frame.attrs.get("notices", ()))
    check_names(frame, [*(parameters or ()), *ignore], "parameters and ignore")
    asked = frame.drop(columns=list(ignore))
    asked.attrs = dict(frame.attrs)
    found = response(asked, error, maximize=maximize, unit=unit or frame.attrs.get("unit"))
    states = trial_states(asked)
    errors = found.errors if states is None else np.where(states.done, found.errors, np.nan)
    known = parameters if parameters is not None else frame.attrs.get("parameters")
    roles = {found.name, *(() if states is None else (states.column,))}
    columns = sort_columns(frame, errors, parameters=known, ignore=ignore, roles=roles)
    rows = frame.copy().assign(**columns.codes)  # a copy is quicker than a table read column by column
    # what is ignored has no meaning here either
    rows = rows.rename(columns={name: f"{name}_ignored" for name in ignore if name in ("state", "failure", "reason")})
    if "error" in rows and found.name != "error":
        rows = rows.rename(columns={"error": "error_before"} if "reason" in rows else {"error": "reason"})
    if "curve" in rows:
        curves = with_errors(rows["curve"].tolist(), _raw(found), found)
        rows = rows.assign(curve=pd.Series(curves, index=rows.index, dtype=object))
    rows = rows.assign(error=found.errors, **_state_columns(states, rows), **_costs(rows))
    said += found.notices + (() if states is None else states.notices()) + columns.notices
    found_view = PopulationView(
        name=name, frame=rows, parameters=columns.parameters, categories=columns.categories, notices=said
    )
    return found_view, found.name


def _raw(found: Response) -> FloatArray:
    """(rows,) the response as the table has it."""
    errors = 100 - found.errors if found.higher else found.errors
    return errors / 100 if found.fraction else errors


def _state_columns(states: TrialStates | None, rows: pd.DataFrame) -> dict[str, Any]:
    if states is None:
        return {}
    given: dict[str, Any] = {"state": states.states.astype(object)}
    if states.machine.any():
        given["failure"] = ["machine" if by_machine else None for by_machine in states.machine]
    if "reason" not in rows:
        pairs = zip(states.words, states.states, strict=True)
        given["reason"] = [word if state == "failed" else None for word, state in pairs]
    return given


def _costs(rows: pd.DataFrame) -> dict[str, Any]:
    """Multiply-adds and parameters under our names, where they have others that leave no doubt."""
    costs = {}
    for cost, names in _COSTS.items():
        if cost not in rows:
            for column in rows.columns:
                times = names.get("".join(words_of(str(column))))
                if times and rows[column].dtype.kind in "iuf":
                    costs[cost] = rows[column] * times
                    break
    return costs
