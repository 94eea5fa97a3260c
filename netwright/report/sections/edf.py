"""Error distributions: the share of networks that are better than a given error. Source: DDS, section 3.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import error_x
from netwright.report.sections.verdict import of_refinement
from netwright.report.text import count, listing, percent
from netwright.report.view import PopulationView, on_one_scale
from netwright.stats import Edf, band, edf
from netwright.theme import WIDTH, Spec, colors, to_spec

__all__ = ["EdfCurve", "EdfFigure", "edf_chart", "edf_figure"]

Floats = npt.NDArray[np.float64]

_MOST_CORNERS = 4000  # of all curves together
_MOST_BANDS = 3  # more cannot be told apart


@dataclass(frozen=True)
class EdfCurve:
    """The error distribution of one population.

    Attributes:
        label: The paper's legend with the failures, name [n | min | mean | f failed].
        errors, shares: The corners of the step line, to be joined by straight lines; percent, and 0 to 1. Where
            networks failed the line ends below 1: they are behind every error that is drawn.
        grid, lower, upper: The 95% band at the errors of `grid`; empty where there are too many populations to see it.
        n: Number of networks, the failed ones included.
        failed: How many of them failed.
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
    failed: int = 0


@dataclass(frozen=True)
class EdfFigure:
    """One curve for each population.

    Attributes:
        low, high: Ends of the error axis: those of the networks that did not fail.
        normalized: The same curves at equal mixes of complexity (NDS), where the mixes of two populations differ.
    """

    curves: tuple[EdfCurve, ...]
    low: float
    high: float
    sentences: tuple[str, ...]
    normalized: tuple[EdfCurve, ...] = ()


def edf_figure(data: ReportData) -> EdfFigure | Missing:
    """The distribution and band of each population that has a result."""
    views = [view for view in on_one_scale(data.populations) if len(view.errors)]
    drawn = [view.done["error"].to_numpy(np.float64) for view in views if not view.done.empty]
    if not drawn:
        return Missing("no trial has an error")
    least, most = min(errors.min() for errors in drawn), max(errors.max() for errors in drawn)
    margin = 0.03 * (most - least) or 0.5
    low, high = max(0.0, float(least - margin)), float(most + margin)
    with_band = len(views) <= _MOST_BANDS
    curves = tuple(_curve(view, edf(view.errors), (low, high), len(views), with_band) for view in views)
    normalized = _normalized(data, views, (low, high))
    return EdfFigure(curves, low, high, _sentences(data, views, curves, bool(normalized)), normalized)


def _normalized(data: ReportData, views: Sequence[PopulationView], ends: tuple[float, float]) -> tuple[EdfCurve, ...]:
    mixes = None if data.comparison is None else data.comparison.mixes
    if mixes is None or mixes.weights is None or len(views) != 2:
        return ()
    return tuple(
        replace(_curve(view, edf(view.errors, weights), ends, 2, with_band=False), label=f"{view.name}, normalized")
        for view, weights in zip(views, mixes.weights, strict=True)
    )


def _curve(
    view: PopulationView, distribution: Edf, ends: tuple[float, float], populations: int, with_band: bool
) -> EdfCurve:
    low, high = ends
    corners, shares = distribution.steps()
    inside = corners < high  # failures are beyond the axis
    corners, shares = corners[inside], shares[inside]
    most = _MOST_CORNERS // populations
    if len(corners) > most:
        kept = np.linspace(0, len(corners) - 1, most).round().astype(np.intp)
        corners, shares = corners[kept], shares[kept]
    end = float(shares[-1]) if len(shares) else 0.0
    grid, lower, upper = _band(distribution, ends, populations) if with_band else (np.empty(0),) * 3
    return EdfCurve(
        name=view.name,
        label=f"{view.name} {view.legend()}",
        errors=(low, *corners.tolist(), high),
        shares=(0.0, *shares.tolist(), end),
        grid=tuple(grid.tolist()),
        lower=tuple(lower.tolist()),
        upper=tuple(upper.tolist()),
        n=distribution.n,
        least=distribution.min,
        mean=distribution.mean,
        median=float(np.median(view.errors)),
        failed=view.n_failed,
    )


def _band(distribution: Edf, ends: tuple[float, float], populations: int) -> tuple[Floats, Floats, Floats]:
    ranked = distribution.errors[distribution.errors < ends[1]]
    points = (
        [np.linspace(*ends, 150), ranked, np.nextafter(ranked, np.inf)]
        if distribution.n <= 200
        else [np.linspace(*ends, 1200 // max(2, populations))]
    )
    grid = np.unique(np.concatenate(points))
    return (grid, *band(distribution).at(grid))


def _sentences(
    data: ReportData, views: Sequence[PopulationView], curves: Sequence[EdfCurve], is_normalized: bool
) -> tuple[str, ...]:
    halves = listing([_half(view, curve) for view, curve in zip(views, curves, strict=True)])
    explanation = (
        "The share of a population's networks below each error: a curve further left and higher "
        f"means a better population. Half of the networks have at most {halves}."
    )
    if curves[0].grid:
        explanation += " In 95 of 100 samples the band contains the whole true curve."
    failures = [f"{curve.failed:,} of {curve.n:,} in {curve.name}" for curve in curves if curve.failed]
    if failures:
        explanation += (
            f" Networks that failed count too, behind every error on the axis, so a curve ends below 100% by their "
            f"share ({listing(failures)}); in means they count as {views[0].failure_error:g}%."
        )
    sentences = [explanation]
    if is_normalized and data.comparison and data.comparison.mixes:
        sentences.append(
            f"The second chart gives networks weights such that both populations have the same mix of "
            f"{data.comparison.mixes.cost} (the normalized distributions of NDS)."
        )
    if len(curves) == 2 and (data.comparison is None or data.comparison.is_refinement):
        sentences.append(of_refinement(data.comparison, curves[0].name, curves[-1].name).sentence)
    return tuple(sentences)


def _half(view: PopulationView, curve: EdfCurve) -> str:
    networks = f"{curve.name} ({count(curve.n, 'network')})"
    if 2 * curve.failed >= curve.n:
        return f"no error in {networks}: {len(view.done):,} of them did not fail"
    return f"{percent(curve.median)} in {networks}"


# -- drawing -----------------------------------------------------------------------------------------------------------

_DASHES = ([1, 0], [9, 2], [3, 2], [12, 3, 3, 3], [1, 2])


def edf_chart(figure: EdfFigure) -> Spec:
    """Error distributions with their confidence bands, as the papers draw them; below, those at equal complexity."""
    import altair as alt

    data: dict[str, list[dict[str, object]]] = {}
    charts = [
        _draw(curves, (figure.low, figure.high), group, data)
        for group, curves in (("", figure.curves), ("normalized ", figure.normalized))
        if curves
    ]
    both = alt.vconcat(*charts, spacing=24).resolve_scale(color="independent", strokeDash="independent")
    return to_spec(charts[0] if len(charts) == 1 else both, data)


def _draw(
    curves: Sequence[EdfCurve], ends: tuple[float, float], group: str, data: dict[str, list[dict[str, object]]]
) -> Any:
    import altair as alt

    labels = [curve.label for curve in curves]
    data[f"{group}steps"] = [
        {"label": curve.label, "error": error, "share": share, "order": i}
        for curve in curves
        for i, (error, share) in enumerate(zip(curve.errors, curve.shares, strict=True))
    ]
    data[f"{group}band"] = [
        {"label": curve.label, "error": error, "lower": lower, "upper": upper}
        for curve in curves
        for error, lower, upper in zip(curve.grid, curve.lower, curve.upper, strict=True)
    ]
    x = error_x(ends)
    scale = alt.Scale(domain=labels, range=colors(labels))
    legend = alt.Legend(
        orient="top",
        direction="vertical",
        title="at equal mixes of complexity" if group else "name [n | min | mean]",
        titleFontWeight="normal",
        symbolType="stroke",
        symbolSize=400,
        labelLimit=WIDTH,
        columns=1,
    )
    bands = (
        alt.Chart(alt.NamedData(f"{group}band"))
        .mark_area(opacity=1, fillOpacity=0.14)
        .encode(
            x=x,
            y=alt.Y("lower:Q", title="share of networks with a lower error", scale=alt.Scale(domain=[0, 1])),
            y2="upper:Q",
            color=alt.Color("label:N", scale=scale, legend=legend),
        )
    )
    lines = (
        alt.Chart(alt.NamedData(f"{group}steps"))
        .mark_line(strokeWidth=2.2, strokeJoin="miter")
        .encode(
            x=x,
            y=alt.Y(
                "share:Q",
                title="share of networks with a lower error",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%"),
            ),
            color=alt.Color("label:N", scale=scale, legend=legend),
            strokeDash=alt.StrokeDash(
                "label:N", scale=alt.Scale(domain=labels, range=_dashes(len(labels))), legend=legend
            ),
            order="order:Q",
            tooltip=["label:N", alt.Tooltip("error:Q", format=".2f"), alt.Tooltip("share:Q", format=".0%")],
        )
    )
    layers = (bands, lines) if data[f"{group}band"] else (lines,)
    return alt.layer(*layers).properties(width=WIDTH, height=260 if group else 360)


def _dashes(n: int) -> list[list[int]]:
    """The last of a few curves is solid; of many, no two have the same color and dashes up to 20."""
    if n <= 3:
        return [_DASHES[n - 1 - i] for i in range(n)]
    return [_DASHES[(i + 2 * (i // 4)) % len(_DASHES)] for i in range(n)]
