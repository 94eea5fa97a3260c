"""How good the best of k random networks is: what a search of that size would find. Source: NDS, section 3.4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.report.figures.missing import Missing
from netwright.report.story import Story
from netwright.report.words import count, percent
from netwright.stats import efficiency

__all__ = ["EfficiencyCurve", "EfficiencyFigure", "efficiency_figure"]


@dataclass(frozen=True)
class EfficiencyCurve:
    """mean and deviation of the lowest error of sizes[i] networks drawn from a population of n."""

    name: str
    n: int
    sizes: tuple[int, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]


@dataclass(frozen=True)
class EfficiencyFigure:
    curves: tuple[EfficiencyCurve, ...]
    sentences: tuple[str, ...]


def efficiency_figure(story: Story) -> EfficiencyFigure | Missing:
    curves = tuple(
        _curve(view.name, view.done["error"].to_numpy(np.float64)) for view in story.populations if len(view.done) > 1
    )
    if not curves:
        return Missing("no population has two trials with an error")
    return EfficiencyFigure(curves, _sentences(curves))


def _curve(name: str, errors: npt.NDArray[np.float64]) -> EfficiencyCurve:
    best = efficiency(errors)
    return EfficiencyCurve(
        name, len(errors), tuple(best.sizes.tolist()), tuple(best.mean.tolist()), tuple(best.spread.tolist())
    )


def _sentences(curves: tuple[EfficiencyCurve, ...]) -> tuple[str, ...]:
    shows = (
        "What a random search would find: the mean lowest error of k networks, and one standard deviation around it. "
        "To the right a curve leans on few networks: trust it up to a quarter of its population."
    )
    first, last = curves[0], curves[-1]
    k = max(size for size in last.sizes if size <= max(1, last.n // 4))
    reached = last.means[last.sizes.index(k)]
    says = f"The best of {count(k, 'random network')} of {last.name} has {percent(reached)} on average"
    if first is last:
        return (shows, f"{says}; of one network, {percent(last.means[0])}.")
    as_many = next((size for size, mean in zip(first.sizes, first.means, strict=True) if mean <= reached), None)
    if as_many is None:
        return (shows, f"{says}; {first.name} does not reach that even with {first.sizes[-1]}.")
    return (shows, f"{says}; {first.name} needs about {as_many} for that.")
