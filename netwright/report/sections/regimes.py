"""What the best networks are like as flops grow, over populations of different budgets. DDS, Figures 11 and 12.

Each population is a regime; one alone is divided by its flops. For each quantity the empirical bootstrap gives the
range that holds the best network of 95 in 100 random quarters of a regime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.arch import Arch, fit_widths
from netwright.errors import ArchError
from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import cost_axis, is_wide, value_axis, values_of, x_scale
from netwright.report.text import amount, count
from netwright.report.view import PopulationView
from netwright.stats import bootstrap
from netwright.theme import GOOD, INK, MUTED, SERIES, SMALL, Spec, to_spec

__all__ = ["LINES", "QUANTITIES", "Regime", "RegimesFigure", "Trend", "regimes_chart", "regimes_figure"]

Floats = npt.NDArray[np.float64]

_LEAST = 10  # networks of a regime: with fewer there is no range
_MOST_BUCKETS, _PER_BUCKET = 5, 40  # of one population alone
_WIDE = 2.0  # ratio of the flops of one population, above which it is divided

# quantity -> what it is, in a few words
QUANTITIES: Mapping[str, str] = {
    "depth": "blocks",
    "bottleneck": "mean over blocks",
    "group width": "mean over blocks",
    "wm": "as drawn, or fitted",
    "w_end / w0": "last width over the first",
    "acts": "activations",
    "params": "parameters",
}


@dataclass(frozen=True)
class Regime:
    """Networks of about the same flops.

    Attributes:
        name: Of the population, with the flops where one is divided.
        flops: The median of its networks.
        middle: The quartiles of their flops.
        n: How many there are.
    """

    name: str
    flops: float
    middle: tuple[float, float]
    n: int


@dataclass(frozen=True)
class Trend:
    """One quantity over the regimes that know it.

    Attributes:
        flops: Of each regime, ascending.
        low, best, high: Of each regime: the range with the best networks, and its median.
        line: At each regime the line of DDS (6.5 sqrt(F) million activations, 3.0 + 5.5 F million parameters, F in
            billions of flops), for networks at 224 pixels; empty for other quantities.
    """

    quantity: str
    flops: tuple[float, ...]
    low: tuple[float, ...]
    best: tuple[float, ...]
    high: tuple[float, ...]
    line: tuple[float, ...] = ()


@dataclass(frozen=True)
class RegimesFigure:
    """A trend for each quantity, over the same regimes."""

    regimes: tuple[Regime, ...]
    trends: tuple[Trend, ...]
    sentences: tuple[str, ...]


# the lines of DDS, section 4: what the best RegNets have, F in billions of flops
LINES: Mapping[str, Callable[[Floats], Floats]] = {
    "acts": lambda flops: 6.5e6 * np.sqrt(flops / 1e9),
    "params": lambda flops: 3.0e6 + 5.5e6 * flops / 1e9,
}


def regimes_figure(data: ReportData) -> RegimesFigure | Missing:
    """The trends over all populations that know their flops, or over the flops of one."""
    known = [view for view in data.populations if "flops" in view.done]
    parts = [part for view in known for part in _regimes_of(view, alone=len(known) == 1)]
    parts.sort(key=lambda part: part[0].flops)
    if len(parts) < 2 or not _are_apart(parts):
        return Missing(
            f"trends over flops take populations of different flops, {_LEAST} networks each, or one with a wide range"
        )
    regimes = tuple(regime for regime, _, _ in parts)
    at_224 = all(_resolution(view) in (None, 224) for view in known)
    trends = tuple(trend for quantity in QUANTITIES if (trend := _trend(quantity, parts, with_line=at_224)) is not None)
    return RegimesFigure(regimes, trends, _sentences(regimes, trends, at_224))


Part = tuple[Regime, Mapping[str, Floats], Floats]  # with quantity -> (n,) and errors (n,)


def _are_apart(parts: Sequence[Part]) -> bool:
    """Whether the middle halves of the flops do not overlap: two samples of one budget are no trend."""
    return all(lower.middle[1] < upper.middle[0] for (lower, *_), (upper, *_) in pairwise(parts))


def _regimes_of(view: PopulationView, alone: bool) -> list[Part]:
    flops, errors = values_of(view.counted, "flops"), view.errors
    rows = np.flatnonzero(np.isfinite(flops))
    if len(rows) < _LEAST:
        return []
    quantities = _quantities(view)
    is_divided = alone and flops[rows].max() > _WIDE * flops[rows].min()
    buckets = max(1, min(_MOST_BUCKETS, len(rows) // _PER_BUCKET)) if is_divided else 1
    parts: list[Part] = []
    for chosen in np.array_split(rows[np.argsort(flops[rows], kind="stable")], buckets):
        low, median, high = (float(each) for each in np.quantile(flops[chosen], (0.25, 0.5, 0.75)))
        name = f"{view.name} at {amount(median)}" if buckets > 1 else view.name
        of_part = {quantity: values[chosen] for quantity, values in quantities.items()}
        parts.append((Regime(name, median, (low, high), len(chosen)), of_part, errors[chosen]))
    return parts


def _quantities(view: PopulationView) -> dict[str, Floats]:
    """Quantity -> (n,) of the networks that count, NaN where it is not known."""
    counted = view.counted
    found = {cost: values_of(counted, cost) for cost in ("acts", "params") if cost in counted}
    if "arch" in counted:
        found |= _of_networks([_arch(text) for text in counted["arch"]])
    for quantity, column in (("depth", "depth"), ("bottleneck", "bottleneck"), ("group width", "group_width")):
        if quantity not in found and column in counted:
            found[quantity] = values_of(counted, column)
    if "wm" in counted:
        found["wm"] = values_of(counted, "wm")
    return found


def _of_networks(archs: Sequence[Arch | None]) -> dict[str, Floats]:
    names = ("depth", "bottleneck", "group width", "wm", "w_end / w0")
    table = np.full((len(archs), len(names)), np.nan)
    known = [i for i, arch in enumerate(archs) if arch is not None]
    widths = [arch.block_widths for arch in archs if arch is not None]
    wm = fit_widths(widths).wm
    for row, i in enumerate(known):
        arch = archs[i]
        assert arch is not None
        bottleneck = sum(stage.depth * stage.bottleneck for stage in arch.stages) / arch.depth
        group_width = sum(stage.depth * stage.group_width for stage in arch.stages) / arch.depth
        table[i] = (arch.depth, bottleneck, group_width, wm[row], widths[row][-1] / widths[row][0])
    return {name: table[:, column] for column, name in enumerate(names)}


def _arch(text: object) -> Arch | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        return Arch.from_json(text)
    except ArchError:
        return None  # another program's notation


def _resolution(view: PopulationView) -> int | None:
    """Of the networks of a population, None where it is not known."""
    if "arch" not in view.done or view.done.empty:
        return None
    arch = _arch(view.done["arch"].iloc[0])
    return None if arch is None else arch.resolution


def _trend(quantity: str, parts: Sequence[Part], with_line: bool) -> Trend | None:
    flops, ranges = [], []
    for regime, quantities, errors in parts:
        values = quantities.get(quantity, np.empty(0))
        if np.isfinite(values).sum() < _LEAST:
            continue
        rows = np.isfinite(values)
        good = bootstrap({quantity: values[rows]}, errors[rows], method="exact")[quantity]
        flops.append(regime.flops)
        ranges.append((good.low, good.best, good.high))
    if len(flops) < 2:
        return None
    low, best, high = (tuple(float(value) for value in column) for column in zip(*ranges, strict=True))
    line = tuple(LINES[quantity](np.array(flops)).tolist()) if quantity in LINES and with_line else ()
    return Trend(quantity, tuple(flops), low, best, high, line)


def _sentences(regimes: Sequence[Regime], trends: Sequence[Trend], at_224: bool) -> tuple[str, ...]:
    text = (
        f"{count(len(regimes), 'regime')} from {amount(regimes[0].flops)} to {amount(regimes[-1].flops)} flops, of "
        f"{min(each.n for each in regimes)} networks or more. For each quantity the band holds the best network of 95 "
        "in 100 random quarters of a regime, and the line is its median. What is flat over flops may be fixed in a "
        "space, but a band that is as wide as what was drawn is no evidence."
    )
    if any(trend.line for trend in trends):
        text += (
            " Dashed: what the best RegNets of DDS have at 224 pixels, 6.5 sqrt(F) million activations and 3.0 + 5.5 F "
            "million parameters, F in billions of flops."
        )
    elif not at_224:
        text += " The lines of DDS for activations and parameters are of 224 pixels, so they are not drawn."
    return (text,)


# -- drawing -----------------------------------------------------------------------------------------------------------

_COLUMNS = 3


def regimes_chart(figure: RegimesFigure) -> Spec:
    """A small chart for each quantity."""
    import altair as alt

    data: dict[str, list[dict[str, float | None]]] = {}
    panels = []
    for index, trend in enumerate(figure.trends):
        name = f"trend{index}"
        lines: Sequence[float | None] = trend.line or [None] * len(trend.flops)
        columns = zip(trend.flops, trend.low, trend.best, trend.high, lines, strict=True)
        data[name] = [
            {"flops": flops, "low": low, "best": best, "high": high, "line": line}
            for flops, low, best, high, line in columns
        ]
        panels.append(_draw_trend(trend, name))
    return to_spec(alt.concat(*panels, columns=_COLUMNS, spacing=18), data)


def _draw_trend(trend: Trend, name: str) -> Any:
    import altair as alt

    flops = (trend.flops[0], trend.flops[-1])
    values = [*trend.low, *trend.high, *trend.line]
    domain = (min(values), max(values))
    is_cost = trend.quantity in LINES
    whole = all(float(value).is_integer() for value in values)
    x = alt.X("flops:Q", title="flops", scale=x_scale(flops, is_wide(*flops), 10), axis=cost_axis())
    scale = x_scale(domain, is_log := is_wide(*domain))
    axis = cost_axis() if is_cost else value_axis(domain, is_log, whole)
    y = alt.Y("low:Q", title=QUANTITIES[trend.quantity], scale=scale, axis=axis)
    tips = [alt.Tooltip(f"{column}:Q", format=".3~s") for column in ("flops", "low", "best", "high")]
    base = alt.Chart(alt.NamedData(name)).encode(x=x, tooltip=tips)
    band = base.mark_area(color=GOOD, opacity=1, fillOpacity=0.18, line=False).encode(y=y, y2="high:Q")
    points = {"filled": True, "size": 36, "color": SERIES[0]}
    best = base.mark_line(color=SERIES[0], strokeWidth=2, point=points).encode(y=alt.Y("best:Q", scale=scale))
    ends = base.mark_rule(color=MUTED, strokeWidth=1).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    layers = [band, ends, best]
    if trend.line:
        layers.append(
            base.mark_line(color=INK, strokeWidth=1.4, strokeDash=[5, 4]).encode(y=alt.Y("line:Q", scale=scale))
        )
    return alt.layer(*layers).properties(width=SMALL, height=150, title=trend.quantity)
