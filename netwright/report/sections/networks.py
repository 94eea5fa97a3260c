"""The best and the worst networks, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from netwright.arch import Arch, LinearFit, fit
from netwright.errors import ArchError
from netwright.report.figures.missing import Missing
from netwright.report.story import Story
from netwright.report.words import count, percent

__all__ = ["Network", "NetworksFigure", "networks_figure"]

_SHOWN = 6


@dataclass(frozen=True)
class Network:
    """widths: output channels of each block; fitted: the quantized linear function nearest to them."""

    population: str
    trial: int
    error: float
    widths: tuple[int, ...]
    fitted: tuple[float, ...]
    e_fit: float


@dataclass(frozen=True)
class NetworksFigure:
    """best: best first; worst: worst first; at most six each, no network in both."""

    best: tuple[Network, ...]
    worst: tuple[Network, ...]
    sentences: tuple[str, ...]


def networks_figure(story: Story) -> NetworksFigure | Missing:
    rows = [view.done.assign(population=view.name) for view in story.populations if "arch" in view.done]
    ranked = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["arch"])
    ranked = ranked[ranked["arch"].map(lambda text: isinstance(text, str) and text != "")]
    if ranked.empty:
        return Missing("the table has no column 'arch' that describes the networks")
    ranked = ranked.sort_values("error", kind="stable")
    shown = min(_SHOWN, max(1, len(ranked) // 2))
    best = _networks(ranked.head(shown))
    worst = _networks(ranked.iloc[::-1].head(min(shown, len(ranked) - shown)))
    if not best:
        return Missing("the column 'arch' holds no network that can be read")
    return NetworksFigure(best, worst, _sentences(best, worst))


def _networks(rows: pd.DataFrame) -> tuple[Network, ...]:
    networks = []
    for population, trial, error, text in rows[["population", "trial", "error", "arch"]].itertuples(index=False):
        try:
            arch = Arch.from_json(text)
        except ArchError:
            continue  # a foreign table's own notation: its other columns still make a report
        line = fit(arch)
        assert isinstance(line, LinearFit)
        networks.append(Network(str(population), int(trial), float(error), arch.block_widths, line.widths, line.e_fit))
    return tuple(networks)


def _sentences(best: Sequence[Network], worst: Sequence[Network]) -> tuple[str, ...]:
    shows = (
        f"The {count(len(best), 'best network')} (above) and the {len(worst)} worst (below), drawn as "
        "the width of each block from input to output."
        if worst
        else "The network, drawn as the width of each block from input to output."
    )
    shows += (
        " The dashed line is the nearest widths that grow linearly and are rounded to stages; e_fit is the distance."
    )
    first = best[0]
    says = (
        f"The best, trial {first.trial} of {first.population} with {percent(first.error)}, has "
        f"{count(len(first.widths), 'block')} from {first.widths[0]} to {first.widths[-1]} channels"
    )
    if not worst:
        return (shows, f"{says}.")
    near, far = (float(np.median([network.e_fit for network in group])) for group in (best, worst))
    if max(near, far) < 0.05:
        return (shows, f"{says}. All are close to the line (median e_fit {near:.3f} and {far:.3f}).")
    compares = "smaller" if near < far else "no smaller"
    return (shows, f"{says}. The best networks' e_fit is {compares}: median {near:.3f} against {far:.3f}.")
