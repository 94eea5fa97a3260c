"""How good the best of k random networks is: what a random search of that size finds. Source: NDS, section 3.4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import error_scale
from netwright.report.text import count, listing, percent
from netwright.report.view import PopulationView, on_one_scale
from netwright.stats import efficiency, efficiency_ratio
from netwright.theme import WIDTH, Spec, colors, shapes, to_spec

__all__ = ["EfficiencyCurve", "EfficiencyFigure", "efficiency_chart", "efficiency_figure"]

_REPEATS = 1999


@dataclass(frozen=True)
class EfficiencyCurve:
    """Mean and standard deviation of the lowest error of sizes[i] networks, drawn at random from a population of n.

    No error is below `least`.
    """

    name: str
    n: int
    sizes: tuple[int, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    least: float = 0.0


@dataclass(frozen=True)
class EfficiencyFigure:
    """One curve for each population of two networks or more; populations: the names of all, each with its color."""

    curves: tuple[EfficiencyCurve, ...]
    sentences: tuple[str, ...]
    populations: tuple[str, ...] = ()


def efficiency_figure(data: ReportData) -> EfficiencyFigure | Missing:
    """The expected best of k, for k = 1, 2, 4, ..."""
    views = [view for view in on_one_scale(data.populations) if len(view.errors) > 1 and not view.done.empty]
    curves = tuple(_curve(view) for view in views)
    if not curves:
        return Missing("no population has two trials with an error")
    return EfficiencyFigure(curves, _sentences(data, curves, views), tuple(view.name for view in data.populations))


def _curve(view: PopulationView) -> EfficiencyCurve:
    best = efficiency(view.errors)
    return EfficiencyCurve(
        view.name,
        len(view.errors),
        tuple(best.sizes.tolist()),
        tuple(best.mean.tolist()),
        tuple(best.spread.tolist()),
        least=float(view.errors[0]),
    )


def _sentences(data: ReportData, curves: Sequence[EfficiencyCurve], views: Sequence[PopulationView]) -> tuple[str, ...]:
    explanation = (
        "What a random search would find: the mean lowest error of k networks, with one standard deviation around it. "
        "On the right a curve rests on few networks: trust it up to a quarter of its population."
    )
    if any(view.n_failed for view in views):
        explanation += f" A failed network counts as {views[0].failure_error:g}%: a search pays for it too."
    means, only = [], curves[0]
    for curve in curves:
        k = max(size for size in curve.sizes if size <= max(1, curve.n // 4))
        best = f"the best of {count(k, 'random network')}" if k > 1 else "a random network"
        means.append(f"{best} of {curve.name} has {percent(_mean(curve, k))}")
    found = f"On average {listing(means)}"
    end = f"; one network, {percent(only.means[0])}." if len(curves) == 1 and only.n >= 8 else "."
    return (explanation, found + end, *_ratio(data, views))


def _ratio(data: ReportData, views: Sequence[PopulationView]) -> list[str]:
    """How many networks of the first population find what a few of the second do, where that is shown to be better."""
    shown = data.comparison
    if shown is None or not shown.is_better or shown.differences or shown.is_one_space or len(views) != 2:
        return []
    first, last = views
    ratio = efficiency_ratio(first.errors, last.errors, repeats=min(_REPEATS, data.repeats))
    if not ratio.is_shown:
        return []
    low, high = (f"{end:,.0f}" if isfinite(end) else f"more than {ratio.n_a:,}" for end in ratio.interval)
    return [
        f"A search of {first.name} needs more networks for what {count(ratio.k, 'network')} of {last.name} "
        f"{'reaches' if ratio.k == 1 else 'reach'}: {low} to {high} (95% interval)."
    ]


def _mean(curve: EfficiencyCurve, k: int) -> float:
    return curve.means[curve.sizes.index(k)]


# -- drawing -----------------------------------------------------------------------------------------------------------


def efficiency_chart(figure: EfficiencyFigure) -> Spec:
    """The expected lowest error over k, with one standard deviation around it."""
    import altair as alt

    names = list(figure.populations)
    rows = [
        {
            "population": curve.name,
            "k": k,
            "mean": mean,
            "low": max(curve.least, mean - deviation),
            "high": mean + deviation,
        }
        for curve in figure.curves
        for k, mean, deviation in zip(curve.sizes, curve.means, curve.deviations, strict=True)
    ]
    sizes = sorted({k for curve in figure.curves for k in curve.sizes})
    ends = [sizes[0], sizes[-1]] if len(sizes) > 1 else [sizes[0] / 2, 2 * sizes[0]]
    legend = alt.Legend(orient="top", direction="horizontal") if len(names) > 1 else None
    color = alt.Color("population:N", scale=alt.Scale(domain=names, range=colors(names)), legend=legend)
    base = alt.Chart(alt.NamedData("best")).encode(
        x=alt.X(
            "k:Q",
            title="k: networks trained",
            scale=alt.Scale(type="log", base=2, domain=ends, nice=False, padding=10),
            axis=alt.Axis(values=sizes, format="d"),
        ),
        color=color,
    )
    scale = error_scale([float(str(row[end])) for row in rows for end in ("low", "high")])
    y = alt.Y("mean:Q", title="lowest error of k, %", scale=scale)
    band = base.mark_area(opacity=1, fillOpacity=0.14).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    line = base.mark_line(strokeWidth=2).encode(y=y)
    points = base.mark_point(filled=True, size=55, opacity=1).encode(
        y=y,
        shape=alt.Shape("population:N", scale=alt.Scale(domain=names, range=shapes(names)), legend=legend),
        tooltip=["population:N", "k:Q", alt.Tooltip("mean:Q", format=".2f", title="mean lowest error, %")],
    )
    return to_spec(alt.layer(band, line, points).properties(width=WIDTH, height=280), {"best": rows})
