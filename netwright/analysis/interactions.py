"""What a forest says of a population's parameters, alone and in pairs: functional ANOVA, of the networks that count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.report.sections.points import values_of
from netwright.report.text import count
from netwright.report.view import PopulationView
from netwright.stats import Fanova, FanovaEffect
from netwright.stats.fanova import FEWEST_NETWORKS

__all__ = ["Interactions", "interactions_of", "interactions_text"]

_FENCE = 1.5  # interquartile ranges above the third quartile (Tukey)
_MOST_UNSHOWN = 2  # pairs in the text, of which nothing is shown
_LEVEL = 0.05


@dataclass(frozen=True)
class Interactions:
    """A decomposition, and what it is of.

    Attributes:
        fanova: The decomposition.
        cut: Number of errors that were set to `fence`, failures among them: a few of them would decide everything.
        fence: Percent.
        unknown: Number of networks that were left out because a parameter is not known of them.
    """

    fanova: Fanova
    cut: int
    fence: float
    unknown: int

    @property
    def shown(self) -> tuple[FanovaEffect, ...]:
        """What is more than chance; nothing where the forest predicts nothing."""
        return self.fanova.shown(_LEVEL) if self.fanova.predicted > 0 else ()


def interactions_of(view: PopulationView, *, seed: int = 0, repeats: int = 99) -> Interactions | None:
    """Decompose the errors of a population; None for fewer than 32 networks, or where nothing varies.

    Args:
        view: The population.
        seed: Of the forests and the tests.
        repeats: Shuffles of each test.
    """
    from netwright.stats import fanova

    counted, errors = view.counted, view.errors
    columns = {name: values_of(counted, name) for name in view.parameters if name in counted}
    columns = {name: x for name, x in columns.items() if np.isfinite(x).sum() > 0.8 * len(x)}
    if not columns:
        return None
    rows = np.isfinite(np.stack(list(columns.values()))).all(axis=0)
    known, e = {name: x[rows] for name, x in columns.items() if np.ptp(x[rows]) > 0}, errors[rows]
    if len(e) < FEWEST_NETWORKS or not known:
        return None
    low, high = np.quantile(e, [0.25, 0.75])
    fence = float(high + _FENCE * (high - low))
    is_cut = e > fence
    e = np.minimum(e, fence)
    if np.ptp(e) == 0:
        return None
    words = [name for name in known if name in view.categories]
    found = fanova(known, e, categories=words, repeats=repeats, seed=seed)
    return Interactions(found, int(is_cut.sum()), fence, int((~rows).sum()))


def interactions_text(found: Interactions) -> list[str]:
    """Lines of text below those of the tests of each parameter."""
    of = found.fanova
    if of.predicted <= 0:
        return ["  by a forest    it predicts nothing of networks that it has not seen: nothing is shown"]
    lines = [f"  by a forest    fANOVA; it predicts {of.predicted:.0%} of the variance of errors of unseen networks"]
    unshown = [each for each in of.pairs if each not in found.shown][:_MOST_UNSHOWN]
    effects = [*of.mains, *(each for each in of.pairs if each in found.shown), *unshown]
    names = [" x ".join(each.parameters) for each in effects]
    width = max(map(len, names))
    lines.append(f"  {'alone, and together':<{width}}   share of it [95%]    by chance  p")
    for name, each in zip(names, effects, strict=True):
        low, high = each.interval
        share = f"{each.share:>4.0%} [{low:.0%}, {high:.0%}]"
        lines.append(f"  {name:<{width}}   {share:<20} {each.by_chance:>8.0%}  {each.p_value:.2g}")
    if found.cut:
        cut = f"{count(found.cut, 'error')} above {found.fence:.2f}%, failures among them, count as {found.fence:.2f}%"
        lines.append(f"  {cut} here")
    if found.unknown:
        lines.append(f"  {count(found.unknown, 'network')} of which a parameter is not known: left out here")
    return lines
