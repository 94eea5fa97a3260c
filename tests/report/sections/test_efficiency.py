from collections.abc import Callable

import pytest

from netwright.report import ReportData
from netwright.report.sections.efficiency import EfficiencyFigure, efficiency_figure

TableData = Callable[..., ReportData]


def test_efficiency_ends_at_the_lowest_error(table_data: TableData) -> None:
    figure = efficiency_figure(table_data([4.0, 2.0, 1.0, 3.0]))
    assert isinstance(figure, EfficiencyFigure)
    assert figure.curves[0].sizes == (1, 2, 4)
    assert figure.curves[0].means == pytest.approx((2.5, 5 / 3, 1.0))
