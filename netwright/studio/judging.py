"""What is said of populations, good ranges of one and tests of several, kept while the files stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netwright.analysis.analyzing import LEAST, analyze
from netwright.analysis.comparing import lettered
from netwright.analysis.where import where
from netwright.report.comparison import LEVEL, REPEATS, Comparison, pairs_of
from netwright.report.provenance import differences_sentence
from netwright.report.view import PopulationView, on_one_scale
from netwright.stats import band
from netwright.studio.columns import numbers
from netwright.studio.kept import Kept, key_of
from netwright.studio.populations import Opened

__all__ = ["Judge", "comparison_dict", "repeats_for", "verdict_of"]

_MOST_KEPT = 64
_LARGE = 3000  # networks of all populations together, from which tests shuffle less
_FEWER = 999


class Judge:
    """Computes, and keeps the latest results."""

    def __init__(self) -> None:
        self._kept: Kept[dict[str, Any]] = Kept(_MOST_KEPT)

    def relevance(self, opened: Opened) -> dict[str, Any]:
        """Good ranges and relevance of the parameters of a population, as `netwright analyze` has them."""
        return self._kept.once(("relevance", key_of(opened)), lambda: _relevance(opened.view))

    def tests(self, opened: Sequence[Opened], chosen: str = "") -> dict[str, Any]:
        """Every pair of populations tested, as `netwright compare --where CHOSEN` does.

        Raises:
            StatsError: The expression cannot be read, or leaves nothing of a population.
        """
        key = ("tests", chosen, *(key_of(each) for each in opened))
        return self._kept.once(key, lambda: _tests([where(each.view, chosen) for each in opened]))


def repeats_for(networks: int) -> int:
    """Shuffles of a test; fewer where there are so many networks that a page would wait."""
    return REPEATS if networks <= _LARGE else _FEWER


def _relevance(view: PopulationView) -> dict[str, Any]:
    if view.done.empty or len(view.errors) < LEAST:
        few = f"No parameter is judged by fewer than {LEAST} networks, and {len(view.errors)} have a result."
        return {"parameters": [], "text": few}
    repeats = repeats_for(len(view.errors))
    found = analyze(view, repeats=repeats)
    rows = []
    for name, each in found.relevance.items():
        good = found.ranges.get(name)
        rows.append(
            {
                "name": name,
                "good": None if good is None else numbers([good.low, good.best, good.high]),
                "explained": round(each.explained, 4),
                "spearman": round(each.spearman, 3),
                "p": each.p_value,
                "p_holm": each.p_holm,
            }
        )
    return {"parameters": rows, "text": f"Permutation tests with {repeats:,} shuffles, seed 0."}


def _tests(views: Sequence[PopulationView]) -> dict[str, Any]:
    views = on_one_scale(lettered([view for view in views if len(view.errors)]))
    repeats = repeats_for(sum(len(view.errors) for view in views))
    names, trained = [view.name for view in views], [view.provenance for view in views]
    unlike = differences_sentence(names, trained) if len(views) > 1 else ""
    bands = {view.name: band(view.errors).half_width for view in views}
    pairs = pairs_of(views, repeats=repeats) if len(views) > 1 else ()
    shuffles = f"Permutation tests of the means with {repeats:,} shuffles, seed 0"
    corrected = f", Holm's correction for {len(pairs)} pairs" if len(pairs) > 1 else ""
    return {
        "pairs": [comparison_dict(pair) for pair in pairs],
        "unlike": unlike,
        "bands": bands,
        "text": f"{shuffles}{corrected}; Kolmogorov-Smirnov." if pairs else "",
    }


def comparison_dict(pair: Comparison) -> dict[str, Any]:
    """A comparison as the page shows it; a negative difference: the second one is better."""
    mean, distance = pair.mean, pair.ks
    return {
        "names": list(pair.names),
        "difference": mean.difference,
        "interval": None if mean.interval is None else list(mean.interval),
        "p": pair.p_value,
        "ks": distance.statistic,
        "ks_at": distance.gap_at,
        "ks_p": distance.p_value,
        "superiority": distance.effect.superiority,
        "cohen": distance.effect.standardized,
        "networks": [mean.n_b, mean.n_a],
        "verdict": "better" if pair.is_better else "worse" if pair.is_worse else "undecided",
        "text": verdict_of(pair),
    }


def verdict_of(pair: Comparison) -> str:
    """What may be said, as a sentence."""
    before, after = pair.names
    if pair.is_better or pair.is_worse:
        better, other = (after, before) if pair.is_better else (before, after)
        sentence = f"{better} is better than {other} in the mean (p = {pair.p_value:.2g})"
        if pair.at_equal_mixes:
            sentence += f", {pair.at_equal_mixes}"
    else:
        sentence = f"no difference in the mean is shown (p = {pair.p_value:.2g}, level {LEVEL:g})"
        sentence += f"; {pair.too_few}" if pair.too_few else ""
    if pair.is_one_space:
        sentence += "; both are samples of one space"
    return sentence + "."
