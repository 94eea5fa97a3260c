"""Looking at populations: from a run folder, or any table with errors, to a summary as text and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.analysis.analyzing import LEAST, Analysis, analyze
from netwright.analysis.comparing import comparison_text, lettered
from netwright.analysis.interactions import interactions_text
from netwright.analysis.looking import sequential_band_line
from netwright.analysis.reading import read, view
from netwright.report.comparison import LEVEL, Comparison
from netwright.report.data import ReportData
from netwright.report.sections.linearity import linearity_figure
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import values_of
from netwright.report.seed_noise import ceiling_sentence, noise_of, noise_sentence, unstable
from netwright.report.text import count, listing
from netwright.report.view import on_one_scale
from netwright.stats import efficiency, equivalence_test
from netwright.stats.bounds import dkw_half_width
from netwright.stats.checks import check_points
from netwright.stats.guessing import guessing_sentence
from netwright.system.machine import hardware, versions

if TYPE_CHECKING:
    from netwright.report import PopulationView

__all__ = ["Analysis", "analyze", "comparison_text", "read", "report", "summary_text", "view"]


def summary_text(analysis: Analysis, *, sequential: bool = False, most: int | None = None) -> str:
    """The figures of one population, as several lines of text.

    Args:
        analysis: What `analyze` returns.
        sequential: Also the band that holds for somebody who looks after every trial.
        most: Networks that were planned before the first of these looks; None: without end.

    Raises:
        StatsError: More networks than planned.
    """
    view = analysis.view
    lines = [*_head(view), f"  error          {view.legend()}   [n | min | mean], percent"]
    lines.append(f"  quartiles      {' | '.join(_quantile(view, q) for q in (0.25, 0.5, 0.75))}")
    lines.append(f"  95% band       {_band(len(view.errors))}")
    if sequential:
        lines.append(f"  at all looks   {sequential_band_line(len(view.errors), most)}")
    best = efficiency(view.errors)
    lines.append("  best of k      " + "  ".join(f"{k}: {m:.2f}" for k, m in zip(best.sizes, best.mean, strict=True)))
    lines += _seeds(view)
    linearity = linearity_figure(ReportData(view.name, (view,)))
    if not isinstance(linearity, Missing):
        lines += [f"  e_fit          {sentence}" for sentence in linearity.sentences[1:]]
    if not analysis.relevance:
        return "\n".join([*lines, f"  no parameter is judged by fewer than {LEAST} networks, or none varies"])
    width = max(map(len, analysis.relevance))
    lines.append(f"  {'parameter':<{width}}   good range (best)              explains  p (Holm)")
    for name, relevance in analysis.relevance.items():
        good = analysis.ranges.get(name)
        span = (
            _best_word(view, name, relevance.p_holm)
            if good is None
            else f"{good.low:.4g} to {good.high:.4g} ({good.best:.4g})"
        )
        lines.append(f"  {name:<{width}}   {span:<30} {relevance.explained:>7.0%}  {relevance.p_holm:.3g}")
    if analysis.interactions is not None:
        lines += interactions_text(analysis.interactions)
    return "\n".join(lines)


def _head(view: PopulationView) -> list[str]:
    """What the figures are of: how many networks, how many of them failed, how many trials are not known."""
    found = view.outcomes
    if not found.n_failed:
        lines = [f"{view.name}: {count(len(view.errors), 'network')}, 0 failed"]
    elif view.survivors:
        lines = [f"{view.name}: {len(view.errors)} networks; {found.n_failed} more failed and are left out"]
    else:
        lines = [
            f"{view.name}: {len(view.errors)} networks, {found.n_failed} of them failed",
            f"  failures       behind all others, errors of {view.failure_error:g}% (--survivors leaves them out)",
        ]
    unknown = [
        f"{number} {what}"
        for number, what in ((found.lost, "failed by the machine"), (found.unfinished, "not finished"))
        if number
    ]
    if unknown:
        lines.append(f"  not known      {', '.join(unknown)}: these trials are in no figure")
    if found.pruned:
        lines.append(
            f"  pruned         {found.pruned} ended early, in no figure: all figures are of the better networks"
        )
    guess = None if view.provenance is None else view.provenance.guess
    if guess and (sentence := guessing_sentence(view.done["error"], guess[1], guess[0])):
        lines.append(f"  warning        {sentence}")
    return lines


def _seeds(view: PopulationView) -> list[str]:
    """What other seeds do, where networks were trained with several."""
    noise = noise_of(view)
    if noise is None:
        return []
    lines = [f"  seeds          {noise_sentence(noise)}", f"  ceiling        {ceiling_sentence(noise)}"]
    if many := unstable(view):
        lines.append(f"  unstable       {count(many, 'network')} failed with some seeds and not with others")
    return lines


def _best_word(view: PopulationView, parameter: str, p: float) -> str:
    """`lowest mean: False`, of a parameter whose values are words, where they are shown to differ."""
    if p > LEVEL:
        return "words without an order"
    codes, errors = values_of(view.counted, parameter), view.errors
    known = view.categories[parameter]
    means = [errors[codes == code].mean() if (codes == code).any() else np.inf for code in range(len(known))]
    return f"lowest mean: {known[int(np.argmin(means))]}"


def _quantile(view: PopulationView, q: float) -> str:
    place = q * (len(view.errors) - 1)
    if np.ceil(place) >= len(view.done):
        return "failed"
    return f"{np.quantile(view.errors, q):.2f}"


def _band(n: int) -> str:
    half = dkw_half_width(n, 0.95)
    if half >= 1:
        return f"so few networks bound nothing (the half-width is {half:.3f})"
    return f"within {half:.3f} of the true share of networks below any error"


def report(
    analyses: Sequence[Analysis], out: Path, command: str, *, seed: int = 0, margin: float | None = None
) -> Path:
    """Write a report of one population, or of several side by side.

    Args:
        analyses: One or more.
        out: The folder.
        command: The command line, for the report's facts.
        seed: Of the comparisons.
        margin: Of two populations: a difference that does not matter, in points. Are their means closer than that?

    Returns:
        The path of the page.

    Raises:
        StatsError: A margin as large as the largest error.
        OutputError: The folder cannot be written.
    """
    from netwright.report import write_report
    from netwright.report.comparison import pairs_of

    views = lettered([analysis.view for analysis in analyses])
    together = analyses[0].interactions
    names = [view.name for view in views]
    return write_report(
        ReportData(
            title=f"The population {names[0]}" if len(views) == 1 else f"The populations {listing(names)}",
            populations=views,
            good_ranges=analyses[0].ranges,
            relevance=analyses[0].relevance,
            interactions=None if together is None else together.fanova,
            comparison=_compared(views[0], views[1], seed, margin) if len(views) == 2 else None,
            pairs=pairs_of(views, seed=seed) if len(views) > 2 else (),
            facts=_facts(views, analyses[0], command),
        ),
        out,
    )


def _compared(a: PopulationView, b: PopulationView, seed: int, margin: float | None) -> Comparison | None:
    """Both tests, and whether the means are closer than a margin."""
    found = Comparison.of(a, b, is_refinement=False, seed=seed)
    if found is None or margin is None:
        return found
    a, b = on_one_scale((a, b))
    check_points(margin, "margin", a.outcomes.worst)
    return replace(found, equivalence=equivalence_test(b.errors, a.errors, margin, seed=seed))


def _facts(views: Sequence[PopulationView], first: Analysis, command: str) -> dict[str, dict[str, Any]]:
    """How the populations were trained, as they record it, and then the machine that only made the report."""
    facts: dict[str, dict[str, Any]] = {"command": {"command": command}, "seeds": dict(first.facts)}
    for each in views:
        of = f" of {each.name}" if len(views) > 1 else ""
        if each.notices:
            facts[f"table{of}"] = {str(i): notice for i, notice in enumerate(each.notices, start=1)}
        if each.provenance is None:
            facts[f"training{of}"] = {"recorded": "nothing: the networks are from a table"}
        else:
            facts |= {f"{part}{of}": table for part, table in each.provenance.table().items()}
    return facts | {"analyzed with": versions(), "analyzed on": hardware()}
