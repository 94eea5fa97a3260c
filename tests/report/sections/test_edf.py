from collections.abc import Callable

import numpy as np

from netwright.report import ReportData
from netwright.report.sections.edf import EdfFigure, edf_figure

TableData = Callable[..., ReportData]


def test_edf_counts_strictly_better_networks(table_data: TableData) -> None:
    figure = edf_figure(table_data([3.0, 1.0, 3.0, 2.0]))
    assert isinstance(figure, EdfFigure)
    (curve,) = figure.curves
    assert curve.label == "space [4 | 1.0 | 2.2]"
    assert curve.errors[1:-1] == (1, 1, 2, 2, 3, 3)
    assert curve.shares == (0, 0, 0.25, 0.25, 0.5, 0.5, 1, 1)
    assert (curve.n, curve.least, curve.median) == (4, 1.0, 2.5)


def test_edf_lies_within_its_band(guided: ReportData) -> None:
    figure = edf_figure(guided)
    assert isinstance(figure, EdfFigure)
    for view, curve in zip(guided.populations, figure.curves, strict=True):
        errors = view.done["error"].to_numpy()
        share = [(errors < error).mean() for error in curve.grid]
        assert np.all(np.array(curve.lower) <= np.array(share) + 1e-12)
        assert np.all(np.array(share) <= np.array(curve.upper) + 1e-12)
