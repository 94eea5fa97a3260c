"""A population at a glance, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netwright.stats import band
from netwright.stats.plots import to_svg
from netwright.system.html import paragraph, table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["population_html"]

_BEST = 5  # networks in the table


def population_html(title: str, counts: Mapping[str, int], frame: pd.DataFrame) -> str:
    """State counts, the best networks, and the error distribution with its band, as HTML.

    Args:
        title: A line above everything.
        counts: State -> number of trials.
        frame: One row for each trial, as `Population.frame` returns it.
    """
    states = ", ".join(f"{many:,} {state}" for state, many in counts.items())
    page = paragraph(f"{title}: {sum(counts.values()):,} trials ({states})")
    done = frame[frame["error"].notna()].sort_values("error", kind="stable")
    if done.empty:
        return page
    costs = ("flops", "params", "acts")
    rows = [
        (row["trial"], f"{row['error']:.2f}", *(f"{row[name]:,}" for name in costs))
        for row in done.head(_BEST).to_dict("records")
    ]
    best = table(("trial", "error, %", *costs), rows, "The best networks")
    return page + best + to_svg(band(done["error"].to_numpy(float)).plot())
