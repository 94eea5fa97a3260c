"""Error distributions: the share of networks that are better than a given error. Source: DDS, section 3.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.verdict import of_refinement
from netwright.report.text import count, listing, percent
from netwright.stats import band, edf
from netwright.theme import WIDTH, Spec, colors, to_spec

__all__ = ["EdfCurve", "EdfFigure", "edf_chart", "edf_figure"]

Floats = npt.NDArray[np.float64]

_MOST_CORNERS = 2000


@dataclass(frozen=True)
class EdfCurve:
    """The error distribution of one population.

    Attributes:
        label: The paper's legend, name [n | min | mean].
        errors, shares: The corners of the step line, to be joined by straight lines; percent, and 0 to 1.
        grid, lower, upper: The 95% band at the errors of `grid`.
        n: Number of networks.
        least, mean, median: Of the errors, in percent.
    """

    name: str
    label: str
    errors: tuple[float, ...]
    shares: tuple[float, ...]
    grid: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    n: int
    least: float
    mean: float
    median: float


@dataclass(frozen=True)
class EdfFigure:
    """One curve for each population; low, high: ends of the error axis."""

    curves: tuple[EdfCurve, ...]
    low: float
    high: float
    sentences: tuple[str, ...]


def edf_figure(data: ReportData) -> EdfFigure | Missing:
    """The distribution and band of each population that has an error."""
    samples = {view.name: view.done["error"].to_numpy(np.float64) for view in data.populations if not view.done.empty}
    if not samples:
        return Missing("no trial has an error")
    least = min(errors.min() for errors in samples.values())
    most = max(errors.max() for errors in samples.values())
    margin = 0.03 * (most - least) or 0.5
    low, high = max(0.0, float(least - margin)), float(most + margin)
    curves = tuple(_curve(name, errors, low, high) for name, errors in samples.items())
    return EdfFigure(curves, low, high, _sentences(data, curves))


def _curve(name: str, errors: Floats, low: float, high: float) -> EdfCurve:
    distribution = edf(errors)
    ranked, n = distribution.errors, distribution.n
    corners, shares = distribution.steps()
    if len(corners) > _MOST_CORNERS:
        kept = np.linspace(0, len(corners) - 1, _MOST_CORNERS).round().astype(np.intp)
        corners, shares = corners[kept], shares[kept]
    grid = np.unique(
        np.concatenate(
            [np.linspace(low, high, 150), ranked, np.nextafter(ranked, np.inf)]
            if n <= 200
            else [np.linspace(low, high, 600)]
        )
    )
    lower, upper = band(distribution).at(grid)
    return EdfCurve(
        name=name,
        label=f"{name} {distribution.legend()}",
        errors=(low, *corners.tolist(), high),
        shares=(0.0, *shares.tolist(), 1.0),
        grid=tuple(grid.tolist()),
        lower=tuple(lower.tolist()),
        upper=tuple(upper.tolist()),
        n=n,
        least=distribution.min,
        mean=distribution.mean,
        median=float(np.median(ranked)),
    )


def _sentences(data: ReportData, curves: Sequence[EdfCurve]) -> tuple[str, ...]:
    halves = listing([f"{percent(curve.median)} in {curve.name} ({count(curve.n, 'network')})" for curve in curves])
    explanation = (
        "The share of a population's networks below each error: a curve further left and higher "
        f"means a better space. Half of the networks are below {halves}. In 95 of 100 samples the band contains the "
        "whole true curve."
    )
    if len(data.populations) < 2 or len(curves) < 2:
        return (explanation,)
    return (explanation, of_refinement(data.comparison, curves[0].name, curves[-1].name).sentence)


# -- drawing -----------------------------------------------------------------------------------------------------------

_DASHES = ([1, 0], [9, 2], [3, 2])


def edf_chart(figure: EdfFigure) -> Spec:
    """Error distributions with their confidence bands, as the papers draw them."""
    import altair as alt

    labels = [curve.label for curve in figure.curves]
    steps = [
        {"label": curve.label, "error": error, "share": share, "order": i}
        for curve in figure.curves
        for i, (error, share) in enumerate(zip(curve.errors, curve.shares, strict=True))
    ]
    band = [
        {"label": curve.label, "error": error, "lower": lower, "upper": upper}
        for curve in figure.curves
        for error, lower, upper in zip(curve.grid, curve.lower, curve.upper, strict=True)
    ]
    x = alt.X("error:Q", title="error, %", scale=alt.Scale(domain=[figure.low, figure.high], nice=False, zero=False))
    scale = alt.Scale(domain=labels, range=colors(labels))
    legend = alt.Legend(
        orient="top",
        direction="vertical",
        title="name [n | min | mean]",
        titleFontWeight="normal",
        symbolType="stroke",
        symbolSize=400,
    )
    bands = (
        alt.Chart(alt.NamedData("band"))
        .mark_area(opacity=1, fillOpacity=0.14)
        .encode(
            x=x,
            y=alt.Y("lower:Q", title="share of networks with a lower error", scale=alt.Scale(domain=[0, 1])),
            y2="upper:Q",
            color=alt.Color("label:N", scale=scale, legend=legend),
        )
    )
    lines = (
        alt.Chart(alt.NamedData("steps"))
        .mark_line(strokeWidth=2.2, strokeJoin="miter")
        .encode(
            x=x,
            y=alt.Y("share:Q", axis=alt.Axis(format="%")),
            color=alt.Color("label:N", scale=scale, legend=legend),
            strokeDash=alt.StrokeDash(
                "label:N",
                scale=alt.Scale(
                    domain=labels, range=[_DASHES[min(len(labels) - 1 - i, 2)] for i in range(len(labels))]
                ),
                legend=legend,
            ),
            order="order:Q",
            tooltip=["label:N", alt.Tooltip("error:Q", format=".2f"), alt.Tooltip("share:Q", format=".0%")],
        )
    )
    chart = alt.layer(bands, lines).properties(width=WIDTH, height=360)
    return to_spec(chart, {"band": band, "steps": steps})
