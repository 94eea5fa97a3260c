"""Each figure's data as a Vega-Lite specification, made with Altair (imported when the first is drawn)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netwright.report.charts.answer import answer_chart
from netwright.report.charts.costs import costs_chart
from netwright.report.charts.curves import curves_chart
from netwright.report.charts.edf import edf_chart
from netwright.report.charts.efficiency import efficiency_chart
from netwright.report.charts.explorer import explorer_chart
from netwright.report.charts.failures import failures_chart
from netwright.report.charts.networks import networks_chart
from netwright.report.charts.parameters import parameters_chart
from netwright.report.charts.spaces import spaces_chart
from netwright.report.charts.theme import Spec

__all__ = ["CHARTS", "Spec", "chart"]

CHARTS: Mapping[str, Callable[[Any], Spec]] = {
    "answer": answer_chart,
    "edf": edf_chart,
    "parameters": parameters_chart,
    "explorer": explorer_chart,
    "costs": costs_chart,
    "networks": networks_chart,
    "curves": curves_chart,
    "failures": failures_chart,
    "spaces": spaces_chart,
    "efficiency": efficiency_chart,
}


def chart(name: str, figure: Any) -> Spec | None:
    """The specification of a figure; None where the figure is words and tables only."""
    if name == "answer" and not figure.rows:
        return None
    if name == "failures" and not figure.reasons:
        return None
    if name == "spaces" and not any(interval.is_changed for interval in figure.intervals):
        return None
    return CHARTS[name](figure)
