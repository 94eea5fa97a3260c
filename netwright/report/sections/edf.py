"""Error distributions: the share of networks that are better than a given error. Source: DDS, section 3.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.report.figures.missing import Missing
from netwright.report.figures.verdict import of_refinement
from netwright.report.story import Story
from netwright.report.words import count, listing, percent
from netwright.stats import band, edf

__all__ = ["EdfCurve", "EdfFigure", "edf_figure"]

Floats = npt.NDArray[np.float64]

_MOST_CORNERS = 2000


@dataclass(frozen=True)
class EdfCurve:
    """One population. errors, shares: the corners of the step line, to be joined by straight lines.

    lower, upper: the 95% band at grid. label: the paper's legend, name [n | min | mean].
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
    curves: tuple[EdfCurve, ...]
    low: float
    high: float
    sentences: tuple[str, ...]


def edf_figure(story: Story) -> EdfFigure | Missing:
    samples = {view.name: view.done["error"].to_numpy(np.float64) for view in story.populations if not view.done.empty}
    if not samples:
        return Missing("no trial has an error")
    least = min(errors.min() for errors in samples.values())
    most = max(errors.max() for errors in samples.values())
    margin = 0.03 * (most - least) or 0.5
    low, high = max(0.0, float(least - margin)), float(most + margin)
    curves = tuple(_curve(name, errors, low, high) for name, errors in samples.items())
    return EdfFigure(curves, low, high, _sentences(story, curves))


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


def _sentences(story: Story, curves: Sequence[EdfCurve]) -> tuple[str, ...]:
    halves = listing([f"{percent(curve.median)} in {curve.name} ({count(curve.n, 'network')})" for curve in curves])
    shows = (
        "For each error, the share of a population's networks that are better: a curve further left and higher is "
        f"a better space. Half of the networks are below {halves}. The bands hold the true curve in 95 of 100 samples."
    )
    if len(story.populations) < 2 or len(curves) < 2:
        return (shows,)
    return (shows, of_refinement(story.contrast, curves[0].name, curves[-1].name).sentence)
