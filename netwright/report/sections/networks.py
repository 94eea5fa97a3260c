"""The best and the worst networks, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from netwright.arch import Arch, LinearFit, fit
from netwright.errors import ArchError
from netwright.report.data import ReportData
from netwright.report.sections.linearity import STRAIGHT
from netwright.report.sections.missing import Missing
from netwright.report.text import count, percent
from netwright.theme import GOOD, INK, SERIES, SMALL, Spec, to_spec

__all__ = ["NetworkPanel", "NetworksFigure", "networks_chart", "networks_figure"]

_SHOWN = 6


@dataclass(frozen=True)
class NetworkPanel:
    """One network.

    Attributes:
        error: Percent.
        widths: Output channels of each block.
        fitted: The nearest quantized linear widths.
        e_fit: Mean absolute log-ratio of both (DDS).
    """

    population: str
    trial: int
    error: float
    widths: tuple[int, ...]
    fitted: tuple[float, ...]
    e_fit: float


@dataclass(frozen=True)
class NetworksFigure:
    """At most six of the best networks, best first, and of the worst, worst first; none is in both."""

    best: tuple[NetworkPanel, ...]
    worst: tuple[NetworkPanel, ...]
    sentences: tuple[str, ...]


def networks_figure(data: ReportData) -> NetworksFigure | Missing:
    """The widths of the best and the worst networks of all populations."""
    rows = [view.done.assign(population=view.name) for view in data.populations if "arch" in view.done]
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
    return NetworksFigure(
        best,
        worst,
        _sentences(best, worst, sum(view.n_failed for view in data.populations)),
    )


def _networks(rows: pd.DataFrame) -> tuple[NetworkPanel, ...]:
    networks = []
    for population, trial, error, text in rows[["population", "trial", "error", "arch"]].itertuples(index=False):
        try:
            arch = Arch.from_json(text)
        except ArchError:
            continue  # another program's notation: the other columns of its table still make a report
        line = fit(arch)
        assert isinstance(line, LinearFit)
        networks.append(
            NetworkPanel(str(population), int(trial), float(error), arch.block_widths, line.widths, line.e_fit)
        )
    return tuple(networks)


def _number(n: int) -> str:
    """The best network, the 3 best networks."""
    return f"{n} " if n != 1 else ""


def _sentences(best: Sequence[NetworkPanel], worst: Sequence[NetworkPanel], failed: int) -> tuple[str, ...]:
    explanation = (
        f"The {_number(len(best))}best{' network' if len(best) == 1 else ' networks'} (above) and the "
        f"{_number(len(worst))}worst (below), drawn as "
        "the width of each block from input to output."
        if worst
        else "The network, drawn as the width of each block from input to output."
    )
    if failed:
        explanation += f" The {count(failed, 'network')} that failed are behind all of these, and not drawn."
    explanation += (
        " The dashed line shows the nearest widths that grow linearly and are rounded to stages; e_fit is how far they "
        "are away."
    )
    first = best[0]
    start = (
        f"The best, trial {first.trial} of {first.population} with {percent(first.error)}, has "
        f"{count(len(first.widths), 'block')} from {first.widths[0]} to {first.widths[-1]} channels."
    )
    if not worst:
        return (explanation, start)
    near, far = (float(np.median([network.e_fit for network in group])) for group in (best, worst))
    if max(near, far) < STRAIGHT:
        return (explanation, f"{start} All are close to the line (median e_fit {near:.3f} and {far:.3f}).")
    return (explanation, start)


# -- drawing -----------------------------------------------------------------------------------------------------------

_COLUMNS = 3


def networks_chart(figure: NetworksFigure) -> Spec:
    """The width of each block, as the RegNet paper draws networks."""
    import altair as alt

    data = {}
    rows = []
    most = max(width for network in (*figure.best, *figure.worst) for width in (*network.widths, *network.fitted))
    least = min(width for network in (*figure.best, *figure.worst) for width in (*network.widths, *network.fitted))
    deepest = max(len(network.widths) for network in (*figure.best, *figure.worst))
    for group, networks, color in (("best", figure.best, GOOD), ("worst", figure.worst, SERIES[1])):
        panels = []
        for index, network in enumerate(networks):
            name = f"{group}{index}"
            # the last width is repeated, so that the last block is drawn as wide as the others
            widths, fitted = (*network.widths, network.widths[-1]), (*network.fitted, network.fitted[-1])
            data[name] = [
                {"block": block, "width": width, "fitted": line}
                for block, (width, line) in enumerate(zip(widths, fitted, strict=True))
            ]
            panels.append(_draw_panel(network, name, (least, most), deepest, color, is_first=index % _COLUMNS == 0))
        if panels:
            heading = alt.TitleParams(f"The {group}", fontSize=14, offset=10)
            rows.append(alt.concat(*panels, columns=_COLUMNS, spacing=16).properties(title=heading))
    return to_spec(alt.vconcat(*rows, spacing=24), data)


def _draw_panel(
    network: NetworkPanel, name: str, widths: tuple[float, float], deepest: int, color: str, is_first: bool
) -> Any:
    import altair as alt

    base = alt.Chart(alt.NamedData(name)).encode(
        x=alt.X(
            "block:Q",
            title="block",
            scale=alt.Scale(domain=[0, deepest], nice=False),
            axis=alt.Axis(tickMinStep=1, grid=False),
        ),
        tooltip=["block:Q", "width:Q", alt.Tooltip("fitted:Q", format=".0f")],
    )
    scale = alt.Scale(type="log", base=2, domain=[widths[0] / 1.3, widths[1] * 1.3], nice=False)
    y = alt.Y("width:Q", title="width" if is_first else None, scale=scale, axis=alt.Axis(tickCount=4, format="d"))
    area = base.mark_area(
        interpolate="step-after", color=color, fillOpacity=0.25, line={"color": color, "strokeWidth": 2}, opacity=1
    ).encode(y=y, y2=alt.Y2Datum(widths[0] / 1.3))
    line = base.mark_line(interpolate="step-after", color=INK, strokeWidth=1.4, strokeDash=[4, 3]).encode(y="fitted:Q")
    title = alt.TitleParams(
        f"{network.population} {network.trial}: {network.error:.2f}%",
        subtitle=f"{len(network.widths)} blocks, e_fit {network.e_fit:.3f}",
    )
    return alt.layer(area, line).properties(width=SMALL, height=110, title=title)
