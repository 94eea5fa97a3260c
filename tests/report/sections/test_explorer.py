from collections.abc import Callable

import pandas as pd

from netwright.report import PopulationView, ReportData
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


def test_words_that_differ_between_tables_are_not_on_one_axis() -> None:
    def view(name: str, words: tuple[str, ...]) -> PopulationView:
        frame = pd.DataFrame({"error": [30.0, 31.0], "act": [0.0, 1.0], "depth": [1, 2]})
        return PopulationView(name, frame, parameters=("act", "depth"), categories={"act": words})

    alike = explorer_figure(ReportData("title", (view("a", ("relu", "silu")), view("b", ("relu", "silu")))))
    assert isinstance(alike, ExplorerFigure)
    assert [(axis.column, axis.words) for axis in alike.axes] == [("act", ("relu", "silu")), ("depth", ())]
    unlike = explorer_figure(ReportData("title", (view("a", ("relu", "silu")), view("b", ("gelu", "relu")))))
    assert isinstance(unlike, ExplorerFigure)
    assert [axis.column for axis in unlike.axes] == ["depth"]
