"""What each picture shows, as plain frozen data and sentences; computed from tables, drawn elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netwright.report.figures.answer import AnswerFigure, answer_figure
from netwright.report.figures.costs import CostsFigure, costs_figure
from netwright.report.figures.curves import CurvesFigure, curves_figure
from netwright.report.figures.edf import EdfFigure, edf_figure
from netwright.report.figures.efficiency import EfficiencyFigure, efficiency_figure
from netwright.report.figures.explorer import ExplorerFigure, explorer_figure
from netwright.report.figures.failures import FailuresFigure, failures_figure
from netwright.report.figures.missing import Missing
from netwright.report.figures.networks import NetworksFigure, networks_figure
from netwright.report.figures.parameters import ParametersFigure, parameters_figure
from netwright.report.figures.spaces import SpacesFigure, spaces_figure
from netwright.report.story import Story

__all__ = ["FIGURES", "Figure", "Missing", "figures_of"]

Figure = (
    AnswerFigure
    | CostsFigure
    | CurvesFigure
    | EdfFigure
    | EfficiencyFigure
    | ExplorerFigure
    | FailuresFigure
    | NetworksFigure
    | ParametersFigure
    | SpacesFigure
)

# in the order of the page
FIGURES: Mapping[str, Callable[[Story], Figure | Missing]] = {
    "answer": answer_figure,
    "edf": edf_figure,
    "parameters": parameters_figure,
    "explorer": explorer_figure,
    "costs": costs_figure,
    "networks": networks_figure,
    "curves": curves_figure,
    "failures": failures_figure,
    "spaces": spaces_figure,
    "efficiency": efficiency_figure,
}


def figures_of(story: Story) -> dict[str, Figure | Missing]:
    """Every figure of a story by name, or why it is missing."""
    return {name: make(story) for name, make in FIGURES.items()}
