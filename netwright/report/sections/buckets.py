"""Error by complexity: box plots of populations within buckets of one cost, so that like is compared with like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import error_scale, values_of
from netwright.report.text import amount, count, listing, percent
from netwright.report.view import PopulationView, on_one_scale
from netwright.theme import WIDTH, Spec, colors, to_spec

__all__ = ["Box", "BucketsFigure", "buckets_chart", "buckets_figure"]

Floats = npt.NDArray[np.float64]

COSTS = ("flops", "params", "acts", "latency_ms")
_PER_BUCKET, _MOST = 8, 6  # networks of a population in a bucket, on average; buckets


@dataclass(frozen=True)
class Box:
    """Networks of one population in one bucket.

    Attributes:
        population: Its name.
        bucket: The bucket, `8.1M to 9M`.
        n: How many networks, the failed ones included.
        failed: How many of them failed.
        low, first, median, third, high: Percent; the ends and quartiles of their errors; a failed one is the worst.
    """

    population: str
    bucket: str
    n: int
    failed: int
    low: float
    first: float
    median: float
    third: float
    high: float


@dataclass(frozen=True)
class BucketsFigure:
    """cost: the column. buckets: their names, ascending. populations: names, each with its color."""

    cost: str
    buckets: tuple[str, ...]
    boxes: tuple[Box, ...]
    populations: tuple[str, ...]
    sentences: tuple[str, ...]


def buckets_figure(data: ReportData, cost: str = "flops") -> BucketsFigure | Missing:
    """Buckets of equally many networks of all populations together.

    Args:
        data: Of a report.
        cost: flops, params, acts or latency_ms.
    """
    views = [view for view in on_one_scale(data.populations) if cost in view.counted and len(view.errors)]
    values = [values_of(view.counted, cost) for view in views]
    known = np.concatenate([each[np.isfinite(each)] for each in values]) if values else np.empty(0)
    buckets = min(_MOST, len(known) // (_PER_BUCKET * max(1, len(views))))
    if buckets < 2 or known.min() == known.max():
        return Missing(f"buckets of {cost} take {2 * _PER_BUCKET} networks of different {cost} in each population")
    edges = np.unique(np.quantile(known, np.linspace(0, 1, buckets + 1)))
    names = tuple(f"{amount(low)} to {amount(high)}" for low, high in pairwise(edges.tolist()))
    boxes = tuple(
        box
        for view, each in zip(views, values, strict=True)
        for box in _boxes(view, np.clip(np.searchsorted(edges, each, side="right") - 1, 0, len(names) - 1), each, names)
    )
    return BucketsFigure(cost, names, boxes, tuple(view.name for view in views), _sentences(cost, names, boxes, views))


def _boxes(view: PopulationView, places: npt.NDArray[np.intp], values: Floats, names: Sequence[str]) -> list[Box]:
    boxes = []
    survivors = np.arange(len(view.errors)) < len(view.done)
    for index, name in enumerate(names):
        rows = (places == index) & np.isfinite(values)
        if not rows.any():
            continue
        low, first, median, third, high = np.quantile(view.errors[rows], (0, 0.25, 0.5, 0.75, 1)).tolist()
        failed = int((rows & ~survivors).sum())
        boxes.append(Box(view.name, name, int(rows.sum()), failed, low, first, median, third, high))
    return boxes


def _sentences(
    cost: str, names: Sequence[str], boxes: Sequence[Box], views: Sequence[PopulationView]
) -> tuple[str, ...]:
    text = (
        f"Networks in {count(len(names), 'bucket')} of {cost}, equally many in each. A box holds the middle half of "
        "their errors, its line is the median, and the thin line reaches from the best to the worst."
    )
    medians = []
    for view in views:
        own = [box for box in boxes if box.population == view.name]
        medians.append(f"{percent(own[0].median)} to {percent(own[-1].median)} in {view.name}")
    return (f"{text} From the smallest to the largest networks the median goes from {listing(medians)}.",)


# -- drawing -----------------------------------------------------------------------------------------------------------


def buckets_chart(figure: BucketsFigure) -> Spec:
    """Boxes side by side in each bucket."""
    import altair as alt

    rows = [
        {
            "population": box.population, "bucket": box.bucket, "n": box.n, "failed": box.failed, "low": box.low,
            "first": box.first, "median": box.median, "third": box.third, "high": box.high,
        }
        for box in figure.boxes
    ]  # fmt: skip
    names = list(figure.populations)
    ends = (min(box.low for box in figure.boxes), max(box.high for box in figure.boxes))
    scale = alt.Scale(domain=names, range=colors(names))
    color = alt.Color("population:N", scale=scale, legend=_legend(names))
    x = alt.X("bucket:N", title=figure.cost, sort=list(figure.buckets), axis=alt.Axis(labelAngle=0))
    offset = alt.XOffset("population:N", sort=names)
    y = {"title": "top-1 error, percent", "scale": error_scale(ends)}
    tips: list[Any] = ["population:N", "bucket:N", "n:Q", "failed:Q"]
    tips += [alt.Tooltip(f"{each}:Q", format=".2f") for each in ("low", "first", "median", "third", "high")]
    base = alt.Chart(alt.NamedData("boxes")).encode(x=x, xOffset=offset, color=color, tooltip=tips)
    whiskers = base.mark_rule(strokeWidth=1.4).encode(y=alt.Y("low:Q", **y), y2="high:Q")
    boxes = base.mark_bar(fillOpacity=0.3, size=18, strokeWidth=1.4).encode(
        y=alt.Y("first:Q", **y), y2="third:Q", stroke=alt.Stroke("population:N", scale=scale, legend=None)
    )
    medians = base.mark_tick(thickness=3, size=18).encode(y=alt.Y("median:Q", **y))
    return to_spec(alt.layer(whiskers, boxes, medians).properties(width=WIDTH, height=300), {"boxes": rows})


def _legend(names: Sequence[str]) -> Any:
    import altair as alt

    return alt.Legend(orient="top", title=None) if len(names) > 1 else None
