from collections.abc import Callable

from netwright.report import ReportData
from netwright.report.sections import Missing
from netwright.report.sections.explorer import ExplorerFigure, explorer_figure

TableData = Callable[..., ReportData]


def test_explorer_has_every_network_and_only_columns_that_vary(guided: ReportData, table_data: TableData) -> None:
    figure = explorer_figure(guided)
    assert isinstance(figure, ExplorerFigure)
    assert len(figure.rows) == sum(len(view.counted) for view in guided.populations)
    assert sum(row.failed for row in figure.rows) == 7
    assert {row.error for row in figure.rows if row.failed} == {100.0}
    assert figure.error_domain[1] == max(view.done["error"].max() for view in guided.populations)
    assert [axis.column for axis in figure.axes][:4] == ["flops", "params", "acts", "depth"]
    constant = explorer_figure(table_data([1.0, 2.0], depth=[4, 4]))
    assert isinstance(constant, Missing)
