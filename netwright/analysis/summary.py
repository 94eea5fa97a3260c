"""Looking at populations: from a run folder, or any table with errors, to a summary as text and a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.analysis.reading import read, view
from netwright.errors import StatsError
from netwright.stats import (
    GoodRange,
    Relevance,
    band,
    bootstrap,
    edf,
    efficiency,
    importance,
    ks,
    permutation_test,
)
from netwright.system.machine import hardware, versions

if TYPE_CHECKING:
    from netwright.report import PopulationView

__all__ = ["Analysis", "analyze", "comparison_text", "read", "report", "summary_text", "view"]

_LEAST = 10  # with fewer networks no parameter is judged


@dataclass(frozen=True)
class Analysis:
    """A population with what was computed from it.

    Attributes:
        ranges: Parameter -> good range; empty for fewer than 10 networks.
        relevance: Parameter -> how much it explains the error; likewise.
        facts: The seed, for a report.
    """

    view: PopulationView
    ranges: Mapping[str, GoodRange]
    relevance: Mapping[str, Relevance]
    facts: Mapping[str, str]


def analyze(population: PopulationView, *, seed: int = 0) -> Analysis:
    """Compute the good range and the relevance of every parameter.

    Raises:
        StatsError: No network has an error.
    """
    done = population.done
    if done.empty:
        reasons = population.trials["reason"].dropna().value_counts()
        why = "; ".join(f"{count} x {reason}" for reason, count in reasons.head(3).items()) or "none is finished"
        raise StatsError(
            f"{population.name} has {len(population.trials)} trials and no error: {why}. Train some first."
        )
    values = {
        name: done[name].to_numpy(float)
        for name in population.parameters
        if len(done) >= _LEAST and done[name].notna().all() and done[name].nunique() > 1
    }
    errors = done["error"].to_numpy(float)
    unordered = [name for name, words in population.categories.items() if len(words) > 2]
    ordered = {name: column for name, column in values.items() if name not in unordered}
    ranges: Mapping[str, GoodRange] = bootstrap(ordered, errors, seed=seed) if ordered else {}
    relevance: Mapping[str, Relevance] = importance(values, errors, seed=seed, categories=unordered) if values else {}
    return Analysis(population, ranges, relevance, {"bootstrap seed": str(seed)})


def summary_text(analysis: Analysis) -> str:
    """The figures of one population, as several lines of text."""
    errors = _errors(analysis)
    trials = analysis.view.trials
    failed = int((trials["state"] == "failed").sum())
    lines = [
        f"{analysis.view.name}: {len(errors)} networks, {failed} failed",
        f"  error          {edf(errors).legend()}   [n | min | mean], percent",
        f"  quartiles      {' | '.join(f'{q:.2f}' for q in np.quantile(errors, (0.25, 0.5, 0.75)))}",
        f"  95% band       within {_half_width(errors):.3f} of the true share of networks below any error",
    ]
    best = efficiency(errors)
    lines.append("  best of k      " + "  ".join(f"{k}: {m:.2f}" for k, m in zip(best.sizes, best.mean, strict=True)))
    if analysis.relevance:
        width = max(map(len, analysis.relevance))
        lines.append(f"  {'parameter':<{width}}   good range (best)              explains  p (Holm)")
        for name, relevance in analysis.relevance.items():
            good = analysis.ranges.get(name)
            span = "words without an order" if good is None else f"{good.low:.4g} to {good.high:.4g} ({good.best:.4g})"
            lines.append(f"  {name:<{width}}   {span:<30} {relevance.explained:>7.0%}  {relevance.p_holm:.3g}")
    else:
        lines.append(f"  no parameter is judged by fewer than {_LEAST} networks, or none varies")
    return "\n".join(lines)


def comparison_text(a: Analysis, b: Analysis, *, seed: int = 0) -> str:
    """Whether b differs from a, as several lines of text."""
    first, second = _errors(a), _errors(b)
    distance, means = ks(second, first), permutation_test(second, first, seed=seed)
    low, high = means.interval or (np.nan, np.nan)
    names = (a.view.name, b.view.name) if a.view.name != b.view.name else (f"A {a.view.name}", f"B {b.view.name}")
    better = names[1] if means.difference < 0 else names[0]
    verdict = (
        f"{better} is better in the mean (p = {means.p_value:.2g}: chance alone rarely shows such a difference)"
        if means.p_value < 0.05
        else f"no difference in the mean is shown (p = {means.p_value:.2g})"
    )
    width = max(map(len, names))
    lines = [f"{name:<{width}}  {edf(e).legend()}" for name, e in zip(names, (first, second), strict=True)]
    return "\n".join(
        [
            f"{'':<{width}}  [n | min | mean], percent",
            *lines,
            f"mean of B - A: {means.difference:+.2f} points, 95% interval {low:+.2f} to {high:+.2f}, "
            f"permutation p = {means.p_value:.2g} ({means.n_a} and {means.n_b} networks, seed {seed})",
            f"Kolmogorov-Smirnov: D = {distance.statistic:.3f} at {distance.gap_at:.2f}%, p = {distance.p_value:.2g}",
            f"a network of B beats one of A in {distance.effect.superiority:.0%} of pairs; "
            f"Cohen's d {distance.effect.standardized:+.2f}",
            verdict,
            *(
                ["the minima are not compared: the larger population has the lower one by its size alone"]
                if len(first) != len(second)
                else []
            ),
        ]
    )


def report(analyses: Sequence[Analysis], out: Path, command: str, *, seed: int = 0) -> Path:
    """Write a report of one population, or of two side by side.

    Args:
        analyses: One or two.
        out: The folder.
        command: The command line, for the report's facts.
        seed: Of the comparison.

    Returns:
        The path of the page.

    Raises:
        OutputError: The folder cannot be written.
    """
    from netwright.report import Comparison, ReportData, write_report

    views = tuple(analysis.view for analysis in analyses)
    names = " and ".join(view.name for view in views)
    facts: dict[str, dict[str, Any]] = {
        "command": {"command": command},
        "seeds": dict(analyses[0].facts),
        "versions": versions(),
        "hardware": hardware(),
    }
    return write_report(
        ReportData(
            title=f"The population {names}" if len(views) == 1 else f"The populations {names}",
            populations=views,
            good_ranges=analyses[0].ranges,
            comparison=Comparison.of(*views, is_refinement=False, seed=seed) if len(views) == 2 else None,
            facts=facts,
        ),
        out,
    )


def _errors(analysis: Analysis) -> np.ndarray[tuple[Any, ...], np.dtype[np.float64]]:
    return analysis.view.done["error"].to_numpy(float)


def _half_width(errors: Any) -> float:
    limits = band(errors)
    return float((np.asarray(limits.upper) - np.asarray(limits.lower)).max() / 2)
