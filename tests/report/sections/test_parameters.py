import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from netwright.report import ReportData
from netwright.report.sections.parameters import ParametersFigure, parameters_figure
from netwright.stats import GoodRange

TableData = Callable[..., ReportData]


def test_parameters_carry_the_good_range_and_a_log_axis_where_it_is_wide(table_data: TableData) -> None:
    data = table_data([2.0, 1.0, 3.0], w0=[8, 64, 256], flag=[True, False, True])
    figure = parameters_figure(replace(data, good_ranges={"w0": GoodRange(32, 64, 128)}))
    assert isinstance(figure, ParametersFigure)
    wide, flag = figure.panels
    assert (wide.low, wide.best, wide.high, wide.is_log) == (32, 64, 128, True)
    assert wide.narrowed == pytest.approx(math.log(4) / math.log(32))
    assert (flag.low, flag.is_log, flag.x) == (None, False, (0, 1, 1))
    assert "w0 (32 to 128)" in figure.sentences[1]
