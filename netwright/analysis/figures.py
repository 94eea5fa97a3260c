"""The figures of the papers, of any populations: `netwright figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.analysis.analyzing import Analysis, analyze
from netwright.analysis.comparing import comparison_text, lettered
from netwright.analysis.reading import read
from netwright.errors import StatsError
from netwright.report.comparison import Comparison
from netwright.report.data import ReportData
from netwright.report.sections import SECTIONS, Missing
from netwright.report.sections.buckets import buckets_chart, buckets_figure
from netwright.system.suggest import suggest
from netwright.theme import Spec

if TYPE_CHECKING:
    from netwright.report.view import PopulationView

__all__ = ["PAPER", "Figures", "figures"]

# name -> (what it shows, sections of a report); the numbers are those of DDS (arXiv 2003.13678)
PAPER: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "4": ("what a space is like: error distribution, and each parameter with its good range", ("edf", "parameters")),
    "5": ("error distributions of spaces side by side, as AnyNetX-A, B and C", ("edf",)),
    "7": ("error distributions of spaces side by side, as AnyNetX-C, D and E", ("edf",)),
    "8": ("how near the widths of networks are to a quantized line, and their errors", ("linearity",)),
    "9": ("from AnyNetX to RegNetX: distributions, and what a random search finds", ("edf", "efficiency")),
    "11": ("parameters of the best networks as flops grow", ("regimes",)),
    "12": ("errors against flops, parameters and activations, and trends of these", ("costs", "regimes")),
    "buckets": ("errors in buckets of flops", ("buckets",)),
}  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """Charts of populations.

    Attributes:
        specs: Name of a chart -> its Vega-Lite specification, with its data.
        sentences: Name of a chart -> what it shows, in words.
        missing: Name of a chart -> why it cannot be drawn.
        summary: What the populations establish, at which confidence, and what not.
    """

    specs: Mapping[str, Spec]
    sentences: Mapping[str, tuple[str, ...]]
    missing: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""

    def chart(self, name: str) -> Any:
        """One of them as an Altair chart, for notebooks."""
        import altair as alt

        if name not in self.specs:
            raise StatsError(f"there is no chart {name!r}: {self.missing.get(name) or suggest(name, self.specs)}")
        return alt.Chart.from_dict(dict(self.specs[name]))

    def write(self, folder: str | Path, formats: Sequence[str] = ("png", "svg", "pdf")) -> list[Path]:
        """Write folder/NAME.FORMAT for each chart; returns the paths. Raises OutputError."""
        from netwright.report.charts import write_charts

        return write_charts(self.specs, Path(folder), formats, what="a figure", elsewhere="another --out")


def figures(
    *populations: str | Path | PopulationView, only: Sequence[str] = (), survivors: bool = False, seed: int = 0
) -> Figures:
    """Draw the figures of the papers, of populations of one's own.

    Args:
        *populations: Run folders, tables, or views of them; each has its color.
        only: Which, by their keys in `PAPER`: "4", "9", ...; empty draws all.
        survivors: Leave out networks that failed.
        seed: Of the tests.

    Returns:
        The charts; those that these populations have no data for are named with the reason.

    Raises:
        StatsError: No population, or a figure that there is not.
    """
    if not populations:
        raise StatsError("figures are drawn of populations, and none is given. Name a run folder or a table.")
    for name in only:
        if name not in PAPER:
            raise StatsError(f"unknown figure {name!r}: {suggest(name, PAPER)}")
    views = [read(each) if isinstance(each, str | Path) else each for each in populations]
    analyses = [analyze(each, seed=seed, survivors=survivors) for each in views]
    data = _report_data(analyses, seed)
    wanted = dict.fromkeys(section for name in (only or PAPER) for section in PAPER[name][1])
    specs, sentences, missing = {}, {}, {}
    for section in wanted:
        found = _figure(section, data)
        if isinstance(found, Missing):
            missing[section] = found.why
            continue
        spec = buckets_chart(found) if section == "buckets" else SECTIONS[section].chart(found)
        if spec is not None:
            specs[section], sentences[section] = spec, tuple(found.sentences)
    return Figures(specs, sentences, missing, _summary(analyses, seed))


def _figure(section: str, data: ReportData) -> Any:
    return buckets_figure(data) if section == "buckets" else SECTIONS[section].figure(data)


def _report_data(analyses: Sequence[Analysis], seed: int) -> ReportData:
    views = lettered([analysis.view for analysis in analyses])
    comparison = Comparison.of(*views, is_refinement=False, seed=seed) if len(views) == 2 else None
    first = analyses[0]
    return ReportData(
        title=", ".join(view.name for view in views),
        populations=views,
        good_ranges=first.ranges,
        relevance=first.relevance,
        comparison=comparison,
    )


def _summary(analyses: Sequence[Analysis], seed: int) -> str:
    """One population: which parameters matter, and which are not shown to. Several: the tests of `compare`."""
    if len(analyses) > 1:
        return comparison_text(*analyses, seed=seed)
    [found] = analyses
    view = found.view
    if not found.relevance:
        why = "too few, or no parameter varies"
        return f"{view.name}, {len(view.errors)} networks: nothing is established, because there are {why}."
    shown = [name for name, each in found.relevance.items() if each.p_holm <= 0.05]
    open_ = [name for name in found.relevance if name not in shown]
    text = f"{view.name}, {len(view.errors)} networks. "
    if shown:
        text += f"Established at 95% (all parameters tested together): the error depends on {', '.join(shown)}. "
    if open_:
        text += f"Not established: that it depends on {', '.join(open_)}. "
    return text + "Good ranges are of this sample; a range that was read from it must hold on another."
