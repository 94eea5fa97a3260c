"""`netwright import`: a population from a table of others, so that every command takes it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.analysis.proposal import refuse_other_columns
from netwright.analysis.reading import understood
from netwright.analysis.table_networks import Networks, networks_of
from netwright.analysis.table_trials import missing_reason, own_names, trials_of
from netwright.errors import OutputError, PopulationError, StatsError
from netwright.population import FILE, ImportedTrial, Population
from netwright.population.making import refuse_taken
from netwright.population.tables import facts_of
from netwright.report.text import count
from netwright.space import DesignSpace, load_space
from netwright.stats.curves import folded
from netwright.stats.optuna_storage import is_optuna_storage
from netwright.stats.response import OURS
from netwright.stats.table import DATABASES, read_table
from netwright.system.atomic import explain_errors

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["import_population"]


def import_population(
    source: str | PathLike[str] | pd.DataFrame,
    out: str | Path,
    *,
    error: str | None = None,
    accuracy: str | None = None,
    unit: str | None = None,
    parameters: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    space: DesignSpace | str | Path | None = None,
    networks: bool = True,
    command: str = "",
) -> Population:
    """Make a population of a table that others wrote: what `netwright import` runs.

        netwright.import_population("wandb_export.csv", "runs/theirs", accuracy="val_acc").frame()

    Args:
        source: A table (.csv, .tsv, .parquet, .json, .jsonl), a storage of Optuna (study.db#NAME, sqlite:///study.db),
            pycls's sweep.json; or a data frame.
        out: A folder for the population.
        error: The column of errors, where it cannot be guessed.
        accuracy: The column of accuracies instead: higher is better.
        unit: "percent" or "fraction"; by default values that all lie between 0 and 1 are fractions.
        parameters: The columns that are parameters, where they cannot be guessed; nothing else is one then.
        ignore: Columns that are none.
        space: What the networks were sampled from: a space, its name or its YAML file. It is kept with the population,
            and its block, stem and image size are those of the networks.
        networks: Whether networks are made where columns define them.
        command: What was typed, for the record.

    Returns:
        The population. `notes["import"]` has the source and its hash, the column of errors and how it was understood,
        and how many rows were dropped and why.

    Raises:
        StatsError: The table cannot be read, or a column cannot be found or meant.
        SpaceError: No such space, or a table whose values are not of it.
        PopulationError: The folder has a population already.
        OutputError: It cannot be written.
    """
    if error is not None and accuracy is not None:
        raise StatsError(f"one column is the response, not both '{error}' and '{accuracy}': give error or accuracy.")
    refuse_taken(Path(out))
    origin = _origin(source)
    sampled = load_space(space) if isinstance(space, str | Path) else space
    named = accuracy or error
    read = read_table(source if isinstance(source, str) or not isinstance(source, PathLike) else str(source))
    whole, dropped = _without_empty(read)
    frame = folded(whole, keep=[*([named] if named else ()), *(parameters or ())])
    facts = frame.attrs.get("population") or _facts_of(source) or {}
    try:
        view, column = understood(
            origin["name"],
            frame,
            error=named,
            maximize=True if accuracy is not None else None,
            unit=unit,
            parameters=parameters,
            ignore=ignore,
        )
    except StatsError as wrong:
        raise StatsError(f"{origin['source']}: {wrong}") from wrong
    names = own_names(frame, view.parameters)
    rows = view.frame.rename(columns=names)
    if sampled is not None:
        refuse_other_columns(sampled, rows, origin["source"])
    made = networks_of(rows, sampled) if networks else Networks((None,) * len(rows))
    trials = trials_of(frame, view, column, names, made.archs)
    note = origin | {
        "column": column,
        "rows": int(read.attrs.get("rows", len(read))),
        "trials": len(trials),
        "dropped": dropped,
        "parameters": [names.get(name, name) for name in view.parameters],
        "networks": sum(arch is not None for arch in made.archs),
        "curves": sum(bool(trial.curve) for trial in trials),
        "notices": [*view.notices, *made.notices, *_about_rows(frame, trials, column)],
    }
    return _created(out, trials, facts, sampled, note, command)


def _created(
    out: str | Path,
    trials: Sequence[ImportedTrial],
    facts: Mapping[str, Any],
    space: DesignSpace | None,
    note: dict[str, Any],
    command: str,
) -> Population:
    """The population. facts: seed, identity and notes of the one that the table was copied from, where it is ours."""
    identity, notes = dict(facts.get("identity") or {"space": None}), dict(facts.get("notes") or {})
    if space is not None:
        identity["space"] = space.to_dict()
    if "import" in notes:
        note = note | {"before": notes["import"]}
    return Population.create_imported(
        out,
        trials=trials,
        # a sweep has no such key, so that none goes on with what it did not train
        identity=identity | {"imported": {"sha256": note["sha256"], "column": note["column"]}},
        notes=notes | {"import": note, "command": command},
        seed=int(facts.get("seed", 0)),
    )


def _origin(source: object) -> dict[str, Any]:
    """What the source is called, its hash and its size. PopulationError for a population of ours."""
    if not isinstance(source, str | PathLike):
        return {"source": "a data frame", "name": "table", "sha256": None, "bytes": None}
    name, _, study = str(source).removeprefix("sqlite:///").partition("#")
    path = Path(name)
    if path.is_dir() and not (path / FILE).is_file():
        raise StatsError(f"'{path}' is a folder without a population: give the table itself, a file.")
    if path.is_dir() or _is_ours(path):
        raise PopulationError(
            f"{path} is a population already, which every command takes as it is. `netwright copy` copies it."
        )
    digest, size = None, None
    if path.is_file():
        with explain_errors(path, what="the table", elsewhere="another one"), path.open("rb") as file:
            digest, size = hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
    return {"source": str(source), "name": study or path.stem, "sha256": digest, "bytes": size}


def _is_ours(path: Path) -> bool:
    """Whether a file is the database of a population."""
    if path.suffix.lower() not in DATABASES or not path.is_file() or is_optuna_storage(path):
        return False
    try:
        Population.open(path).close()
    except (PopulationError, OutputError):
        return False
    return True


def _facts_of(source: object) -> dict[str, Any] | None:
    """What a Parquet file of ours has of its population."""
    return facts_of(Path(source)) if isinstance(source, str | PathLike) else None


def _without_empty(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The table without rows that are no trials, and why -> how many these are."""
    if set(frame.columns) >= OURS:
        return frame, {}
    empty = frame.isna().all(axis=1).to_numpy()
    texts = [column for column in frame.columns if isinstance(column, str) and frame[column].dtype.kind not in "iufb"]
    header = np.zeros(len(frame), np.bool_)
    if texts and len(texts) == len(frame.columns):  # of tables that were joined, the heads of the others
        header = np.logical_and.reduce([frame[name].astype(str).to_numpy() == name for name in texts])
    kept = ~(empty | header)
    dropped = {"empty": int(empty.sum()), "the head of the table again": int((header & ~empty).sum())}
    found = {why: many for why, many in dropped.items() if many}
    if not found:
        return frame, {}
    if not kept.any():
        raise StatsError("a table must hold a row, and every row of this one is empty: export it again.")
    rest = frame[kept].reset_index(drop=True)
    if header.any():  # it made texts of the numbers
        rest = rest.apply(_numbers_where_all)
    rest.attrs = dict(frame.attrs)
    return rest, found


def _numbers_where_all(cells: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    numbers = pd.to_numeric(cells, errors="coerce")
    return numbers if numbers.notna().sum() == cells.notna().sum() else cells


def _about_rows(frame: pd.DataFrame, trials: Sequence[ImportedTrial], column: str) -> list[str]:
    """What is worth saying of rows, in sentences."""
    said = []
    if lacking := sum(trial.reason == missing_reason(column) for trial in trials):
        said.append(f"{count(lacking, 'row')} without {column}: networks that failed, behind all others.")
    plain = frame.drop(columns=[name for name in ("curve",) if name in frame])
    copies = int(plain.astype(str).duplicated().sum())
    if copies and not set(frame.columns) >= OURS:
        said.append(
            f"{count(copies, 'row')} the same as another in every column: each counts as a training of its own."
        )
    return said
