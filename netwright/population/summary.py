"""A population at a glance, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netwright.stats import band, outcomes
from netwright.stats.plots import to_svg
from netwright.system.html import paragraph, table

if TYPE_CHECKING:
    import pandas as pd

    from netwright.stats import Outcomes

__all__ = ["population_html"]

_BEST = 5  # networks in the table


def population_html(title: str, counts: Mapping[str, int], frame: pd.DataFrame) -> str:
    """State counts, the best networks, and the error distribution with its band, as HTML.

    Networks that failed count as the worst; trials that the machine failed do not count.

    Args:
        title: A line above everything.
        counts: State -> number of trials.
        frame: One row for each trial, as `Population.frame` returns it.
    """
    states = ", ".join(f"{many:,} {state}" for state, many in counts.items())
    page = paragraph(f"{title}: {sum(counts.values()):,} trials ({states})")
    results = outcomes(frame)
    page += "".join(map(paragraph, _failures(results)))
    if not results.errors.size:
        return page
    done = frame[frame["error"].notna()].sort_values("error", kind="stable")
    if not done.empty:
        costs = ("flops", "params", "acts")
        rows = [
            (row["trial"], f"{row['error']:.2f}", *(_amount(row[name]) for name in costs))
            for row in done.head(_BEST).to_dict("records")
        ]
        page += table(("trial", "error, %", *costs), rows, "The best networks")
    return page + to_svg(band(results.errors).plot())


def _amount(value: float | None) -> str:
    """A cost; of an imported network it may be unknown."""
    return "" if value is None or value != value else f"{value:,.0f}"


def _failures(results: Outcomes) -> list[str]:
    """Sentences about the trials without an error."""
    said = []
    if results.n_failed:
        count = f"{results.n_failed:,} of {results.errors.size:,} networks failed and count"
        said.append(f"{count} as an error of {results.worst:.0f}%, behind all others.")
    if results.lost:
        count = (
            "1 trial, which the machine failed, is"
            if results.lost == 1
            else f"{results.lost:,} trials, which the machine failed, are"
        )
        said.append(f"{count} left out: nothing is known of {'it' if results.lost == 1 else 'them'}.")
    return said
