"""Reading populations: a run folder, or any table with errors, as a report takes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.population import FILE, Population
from netwright.space import DesignSpace
from netwright.stats import error_column, read_table

if TYPE_CHECKING:
    import pandas as pd

    from netwright.report import PopulationView

__all__ = ["read", "view"]

# columns of a population that are not parameters of the networks
_NOT_PARAMETERS = frozenset(
    ("trial", "error", "flops", "params", "acts", "seconds", "seed", "attempts", "epochs", "started", "finished")
)


def view(
    name: str, frame: pd.DataFrame, space: DesignSpace, rejections: Mapping[str, int], title: str = ""
) -> PopulationView:
    """A population of a space, as a report takes it.

    Args:
        name: Short name of the population.
        frame: One row for each trial, as `Population.frame()` returns it.
        space: The space that it was sampled from.
        rejections: How sampling went, as `netwright.space.draw` counts it.
        title: Longer name, for headings.
    """
    from netwright.report import PopulationView

    return PopulationView(
        name=name,
        title=title,
        frame=frame,
        parameters=space.columns,
        space=space.to_dict(),
        bounds={column: each.bounds for column, each in space.distributions.items()},
        size=space.size(),
        rejections=rejections,
    )


def read(ref: str | Path, *, error: str | None = None) -> PopulationView:
    """Read a population.

    Args:
        ref: A run folder, or a table (.csv, .parquet, .jsonl) with an error column in percent.
        error: The name of that column, where it cannot be guessed.

    Raises:
        PopulationError: There is no population in the folder, or a damaged one.
        StatsError: The table cannot be read, or its error column cannot be found.
    """
    path = Path(ref)
    if path.is_dir() or path.name == FILE or not path.suffix:
        with Population.open(path) as population:
            frame, stored, notes = population.frame(), population.identity.get("space"), population.notes
        if stored is None:
            return _table_view(path.name, frame, error)
        space = DesignSpace.from_dict(stored)
        return view(space.name, frame, space, notes.get("account", {}))
    return _table_view(path.stem, read_table(path), error)


def _table_view(name: str, frame: pd.DataFrame, error: str | None) -> PopulationView:
    from netwright.report import PopulationView

    found = error_column(frame, error)
    renamed = (
        frame
        if found.name == "error"
        else frame.drop(columns="error", errors="ignore").rename(columns={found.name: "error"})
    )
    parameters = tuple(
        column
        for column in renamed.select_dtypes("number").columns
        if column not in _NOT_PARAMETERS and "error" not in column and renamed[column].nunique() > 1
    )
    return PopulationView(name=name, frame=renamed, parameters=parameters)
