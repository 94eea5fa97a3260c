"""The sections of a report: each file has the data of one, how they are computed, and how they are drawn.

Data are frozen values and sentences, computed without Altair; drawing turns them into a Vega-Lite specification.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from netwright.report.data import ReportData
from netwright.report.sections.answer import AnswerFigure, answer_chart, answer_figure
from netwright.report.sections.costs import CostsFigure, costs_chart, costs_figure
from netwright.report.sections.curves import CurvesFigure, curves_chart, curves_figure
from netwright.report.sections.edf import EdfFigure, edf_chart, edf_figure
from netwright.report.sections.efficiency import EfficiencyFigure, efficiency_chart, efficiency_figure
from netwright.report.sections.explorer import ExplorerFigure, explorer_chart, explorer_figure
from netwright.report.sections.failures import FailuresFigure, failures_chart, failures_figure
from netwright.report.sections.interactions import InteractionsFigure, interactions_chart, interactions_figure
from netwright.report.sections.linearity import LinearityFigure, linearity_chart, linearity_figure
from netwright.report.sections.missing import Missing
from netwright.report.sections.networks import NetworksFigure, networks_chart, networks_figure
from netwright.report.sections.parameters import ParametersFigure, parameters_chart, parameters_figure
from netwright.report.sections.ranks import RanksFigure, ranks_chart, ranks_figure
from netwright.report.sections.regimes import RegimesFigure, regimes_chart, regimes_figure
from netwright.report.sections.spaces import SpacesFigure, spaces_chart, spaces_figure
from netwright.theme import Spec

__all__ = ["SECTIONS", "Figure", "Missing", "SectionKind", "figures_of", "specs_of"]

Figure = (
    AnswerFigure
    | CostsFigure
    | CurvesFigure
    | EdfFigure
    | EfficiencyFigure
    | ExplorerFigure
    | FailuresFigure
    | InteractionsFigure
    | LinearityFigure
    | NetworksFigure
    | ParametersFigure
    | RanksFigure
    | RegimesFigure
    | SpacesFigure
)


@dataclass(frozen=True, slots=True)
class SectionKind:
    """A section that a report can have.

    Attributes:
        title: Its heading.
        figure: From the report's data to the data of the section, or why it is missing.
        chart: From the data of the section to its chart; None where text and tables say everything.
    """

    title: str
    figure: Callable[[ReportData], Figure | Missing]
    chart: Callable[[Any], Spec | None]


# in the order of the page
SECTIONS: Mapping[str, SectionKind] = {
    "answer": SectionKind("The answer", answer_figure, answer_chart),
    "edf": SectionKind("How good each population is", edf_figure, edf_chart),
    "parameters": SectionKind("Which parameters matter", parameters_figure, parameters_chart),
    "interactions": SectionKind("Which parameters act together", interactions_figure, interactions_chart),
    "explorer": SectionKind("Choose networks, see their distribution", explorer_figure, explorer_chart),
    "costs": SectionKind("Error against cost", costs_figure, costs_chart),
    "networks": SectionKind("The best and the worst networks", networks_figure, networks_chart),
    "linearity": SectionKind("Widths near a line, and the error", linearity_figure, linearity_chart),
    "regimes": SectionKind("What the best networks are like as flops grow", regimes_figure, regimes_chart),
    "curves": SectionKind("How they learned", curves_figure, curves_chart),
    "ranks": SectionKind("How sure the ranks are", ranks_figure, ranks_chart),
    "failures": SectionKind("What failed", failures_figure, failures_chart),
    "spaces": SectionKind("The space", spaces_figure, spaces_chart),
    "efficiency": SectionKind("What a random search would find", efficiency_figure, efficiency_chart),
}


def figures_of(data: ReportData) -> dict[str, Figure | Missing]:
    """The data of every section by name, or why it is missing."""
    return {name: kind.figure(data) for name, kind in SECTIONS.items()}


def specs_of(figures: Mapping[str, Figure | Missing]) -> dict[str, Spec]:
    """The charts of all sections that have one, by name."""
    drawn = {name: SECTIONS[name].chart(each) for name, each in figures.items() if not isinstance(each, Missing)}
    return {name: spec for name, spec in drawn.items() if spec is not None}
