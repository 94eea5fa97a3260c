import re
from collections.abc import Callable

import vl_convert

from netwright.report import ReportData
from netwright.report.sections.curves import CurvesFigure, curves_chart, curves_figure

TableData = Callable[..., ReportData]


def test_curves_draw_the_best_last(guided: ReportData) -> None:
    figure = curves_figure(guided)
    assert isinstance(figure, CurvesFigure)
    assert [curve.is_best for curve in figure.curves[-3:]] == [False, True, True]
    best = guided.populations[0].done.iloc[0]
    bold = next(c for c in figure.curves if c.is_best and c.population == "regnetx")
    assert (bold.trial, bold.errors[-1]) == (best["trial"], best["error"])


def test_each_epoch_is_one_tick(table_data: TableData) -> None:
    """Epochs 1 to 3 were labeled 1, 2, 2, 3, 3."""
    for epochs, ticks in ((3, ["1", "2", "3"]), (30, ["5", "10", "15", "20", "25", "30"])):
        curve = [{"epoch": k, "error": 90.0 - k} for k in range(1, epochs + 1)]
        figure = curves_figure(table_data([60.0, 61.0], curve=[curve, curve]))
        assert isinstance(figure, CurvesFigure)
        svg = vl_convert.vegalite_to_svg(curves_chart(figure))
        labels = re.findall(r">(\d+)</text>", svg)
        assert labels[: len(ticks)] == ticks


def test_long_curves_are_thinned_and_keep_their_end(table_data: TableData) -> None:
    curve = [{"epoch": k, "error": 90.0 - k / 100} for k in range(1, 1001)]
    figure = curves_figure(table_data([80.0] * 200, curve=[curve] * 200))
    assert isinstance(figure, CurvesFigure)
    assert sum(len(each.epochs) for each in figure.curves) <= 6000
    assert {each.epochs[-1] for each in figure.curves} == {1000}
