"""How the error fell while each network was trained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from netwright.report.comparison import LEVEL
from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import error_scale, thin
from netwright.report.text import count, p_value, percent, points, signed
from netwright.theme import WIDTH, Spec, colors, to_spec

__all__ = ["CurvesFigure", "TrialCurve", "curves_chart", "curves_figure"]

_MOST_CURVES, _MOST_READ = 150, 5000
_MOST_POINTS = 6000  # of all curves together
_MOST_TICKS = 12
_FLAT = 0.02  # of the error: a smaller gain in the last epoch is none


@dataclass(frozen=True)
class TrialCurve:
    """Errors in percent after each epoch of one trial."""

    population: str
    trial: int
    epochs: tuple[float, ...]
    errors: tuple[float, ...]
    is_best: bool


@dataclass(frozen=True)
class CurvesFigure:
    """Learning curves; those of the best trial of each population are last, so that they are drawn on top."""

    populations: tuple[str, ...]
    curves: tuple[TrialCurve, ...]
    sentences: tuple[str, ...]


def curves_figure(data: ReportData) -> CurvesFigure | Missing:
    """The curves of all trials, or of an even selection from the best to the worst."""
    curves: list[TrialCurve] = []
    for view in data.populations:
        if "curve" not in view.done:
            continue
        done = view.done.iloc[thin(len(view.done), _MOST_READ)]
        read = [(int(trial), *_points(curve)) for trial, curve in zip(done["trial"], done["curve"], strict=True)]
        usable = [entry for entry in read if len(entry[1]) > 1]
        if usable:
            kept = thin(len(usable), max(2, _MOST_CURVES // len(data.populations)))
            curves += [
                TrialCurve(view.name, trial, epochs, errors, is_best=i == 0)
                for i in kept.tolist()
                for trial, epochs, errors in [usable[i]]
            ]
    if not curves:
        return Missing("no trial recorded a learning curve of two epochs or more")
    curves.sort(key=lambda curve: curve.is_best)
    populations = tuple(view.name for view in data.populations)  # all, so that each keeps its color
    failed = sum(view.n_failed for view in data.populations)
    return CurvesFigure(populations, tuple(_thinned(curves)), _sentences(curves, failed))


def _thinned(curves: Sequence[TrialCurve]) -> Iterator[TrialCurve]:
    """Long curves with fewer points, the last one included, so that a page stays small."""
    for curve in curves:
        kept = thin(len(curve.epochs), max(20, _MOST_POINTS // len(curves)))
        yield replace(curve, epochs=tuple(curve.epochs[i] for i in kept), errors=tuple(curve.errors[i] for i in kept))


def _points(curve: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Epochs and errors of a stored curve, both empty for anything else."""
    rows: Sequence[Mapping[str, Any]] = curve if isinstance(curve, (list, tuple)) else ()
    points = [
        (float(row["epoch"]), float(row["error"]))
        for row in rows
        if isinstance(row, Mapping) and row.get("error") is not None and row.get("epoch") is not None
    ]
    finite = [point for point in points if math.isfinite(point[1])]
    return tuple(epoch for epoch, _ in finite), tuple(error for _, error in finite)


def _sentences(curves: Sequence[TrialCurve], failed: int) -> tuple[str, ...]:
    faint = len(curves) - sum(curve.is_best for curve in curves)
    explanation = f"The error after each epoch: {count(faint, 'network')} faint, the best of each population bold."
    if failed:
        explanation += f" The {count(failed, 'network')} that failed are not drawn."
    best = min(curve.errors[-1] for curve in curves)
    return (explanation, f"The best ended at {percent(best)}. {_last_epoch(curves)}")


def _last_epoch(curves: Sequence[TrialCurve]) -> str:
    """Whether errors still fell in the last epoch, by a sign test of all curves.

    The best network alone does not tell: it was chosen for a low end, so its last step is down more often than not.
    """
    from scipy.stats import binomtest

    gains = [curve.errors[-2] - curve.errors[-1] for curve in curves]
    falls, rises = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    p = float(binomtest(falls, falls + rises).pvalue) if falls + rises else 1.0
    gain = median(gains)
    if gain <= _FLAT * median([curve.errors[-1] for curve in curves]):
        return f"Errors had flattened out: the last epoch changed them by {signed(-gain)} points in the median."
    seen = f"{points(gain)} in the median, {falls:,} of {count(len(gains), 'network')}, {p_value(p)}"
    if p > LEVEL:
        return f"That errors were still falling in the last epoch is not shown ({seen})."
    return f"Errors were still falling in the last epoch ({seen}): ranks may change with longer training."


def _ticks(first: float, last: float) -> list[int]:
    """Whole epochs, each once; a renderer's own ticks of epochs 1 to 3 are 1, 1.5, 2, ..., shown as 1, 2, 2, 3, 3."""
    low, high = math.ceil(first), math.floor(last)
    step = next(s * 10**e for e in range(12) for s in (1, 2, 5) if (high - low) / (s * 10**e) <= _MOST_TICKS)
    multiples = range(-(-low // step) * step, high + 1, step)
    return sorted({low, *multiples}) if step == 1 else list(multiples)


# -- drawing -----------------------------------------------------------------------------------------------------------


def curves_chart(figure: CurvesFigure) -> Spec:
    """All curves faint, the best one of each population bold."""
    import altair as alt

    names = list(figure.populations)
    rows: dict[str, list[dict[str, object]]] = {"faint": [], "bold": []}
    for curve in figure.curves:
        rows["bold" if curve.is_best else "faint"] += [
            {"id": f"{curve.population} {curve.trial}", "population": curve.population, "epoch": epoch, "error": error}
            for epoch, error in zip(curve.epochs, curve.errors, strict=True)
        ]
    seen = [epoch for curve in figure.curves for epoch in curve.epochs]
    axis = alt.Axis(values=_ticks(min(seen), max(seen)), format="d", labelOverlap="greedy")
    ends = [min(seen), max(seen)] if max(seen) > min(seen) else [min(seen) - 0.5, max(seen) + 0.5]
    x = alt.X("epoch:Q", title="epoch", scale=alt.Scale(domain=ends, nice=False, zero=False, padding=6), axis=axis)
    drawn = [error for curve in figure.curves for error in curve.errors]
    y = alt.Y("error:Q", title="error, %", scale=error_scale(drawn))
    color = alt.Color(
        "population:N",
        scale=alt.Scale(domain=names, range=colors(names)),
        legend=alt.Legend(orient="top", direction="horizontal") if len(names) > 1 else None,
    )
    tooltip = [alt.Tooltip("id:N", title="trial"), "epoch:Q", alt.Tooltip("error:Q", format=".2f", title="error, %")]
    faint = alt.Chart(alt.NamedData("faint")).mark_line(opacity=1, strokeOpacity=0.22, strokeWidth=1)
    bold = alt.Chart(alt.NamedData("bold")).mark_line(strokeWidth=3, point={"size": 45, "filled": True})
    layers = [mark.encode(x=x, y=y, color=color, detail="id:N", tooltip=tooltip) for mark in (faint, bold)]
    return to_spec(alt.layer(*layers).properties(width=WIDTH, height=320), rows)
