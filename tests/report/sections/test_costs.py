from collections.abc import Callable

from netwright.report import ReportData
from netwright.report.sections.costs import CostsFigure, costs_figure

TableData = Callable[..., ReportData]


def test_costs_front_cannot_be_beaten(table_data: TableData) -> None:
    figure = costs_figure(table_data([3.0, 2.0, 2.5, 1.0], flops=[1, 2, 3, 4]))
    assert isinstance(figure, CostsFigure)
    assert [(x, error) for x, error, _, _ in figure.panels[0].front] == [(1, 3.0), (2, 2.0), (4, 1.0)]
