from collections.abc import Callable

from netwright.report import ReportData
from netwright.report.sections import Missing
from netwright.report.sections.explorer import ExplorerFigure, explorer_figure

TableData = Callable[..., ReportData]


def test_explorer_has_every_network_and_only_columns_that_vary(guided: ReportData, table_data: TableData) -> None:
    figure = explorer_figure(guided)
    assert isinstance(figure, ExplorerFigure)
    assert len(figure.rows) == sum(len(view.done) for view in guided.populations)
    assert [axis.column for axis in figure.axes][:4] == ["flops", "params", "acts", "depth"]
    constant = explorer_figure(table_data([1.0, 2.0], depth=[4, 4]))
    assert isinstance(constant, Missing)
