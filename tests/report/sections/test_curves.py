import re
from collections.abc import Callable

import numpy as np
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


def _last_sentence(table_data: TableData, table: np.ndarray) -> str:
    stored = [[{"epoch": k, "error": e} for k, e in enumerate(row, start=1)] for row in table.tolist()]
    figure = curves_figure(table_data(table[:, -1].tolist(), curve=stored))
    assert isinstance(figure, CurvesFigure)
    return figure.sentences[-1]


def test_the_last_epoch_is_judged_by_all_curves(table_data: TableData) -> None:
    """The best network was chosen for its low end: of flat curves its last step was down by 2% in half of cases."""
    rng = np.random.default_rng(0)
    flat = 30 + np.array([20, 5, 0, 0]) + rng.normal(0, 1, (48, 4))
    best = flat[flat[:, -1].argmin()]
    assert best[-2] - best[-1] > 0.02 * best[-1]
    said = _last_sentence(table_data, flat)
    assert said.startswith(
        f"The best ended at {best[-1]:.2f}%. Errors had flattened out: the last epoch changed them by "
    )
    falling = _last_sentence(table_data, flat + np.array([6, 4, 2, 0]))
    assert "Errors were still falling in the last epoch (" in falling
    assert falling.endswith("of 48 networks, p < 0.001): ranks may change with longer training.")


def test_a_few_curves_do_not_show_that_errors_fall(table_data: TableData) -> None:
    said = _last_sentence(table_data, np.array([[50.0, 40.0, 35.0]] * 4))
    assert said.endswith("in the last epoch is not shown (5.00 points in the median, 4 of 4 networks, p = 0.12).")
