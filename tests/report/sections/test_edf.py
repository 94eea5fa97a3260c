from collections.abc import Callable

import numpy as np
import pandas as pd

from netwright.report import Comparison, PopulationView, ReportData
from netwright.report.sections.edf import EdfFigure, edf_chart, edf_figure

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


def test_a_curve_ends_below_one_by_the_share_that_failed(table_data: TableData) -> None:
    figure = edf_figure(table_data([3.0, 1.0, float("nan"), 2.0]))
    assert isinstance(figure, EdfFigure)
    (curve,) = figure.curves
    assert curve.label == "space [4 | 1.0 | 26.5 | 1 failed]"
    assert (curve.shares[-1], curve.n, curve.failed) == (0.75, 4, 1)
    assert figure.high < 4  # the axis is that of the networks that did not fail
    assert "(1 of 4 in space); in means they count as 100%" in figure.sentences[0]


def test_of_many_populations_no_two_curves_look_alike() -> None:
    views = tuple(PopulationView(f"p{i}", pd.DataFrame({"error": [30.0 + i, 40.0]})) for i in range(12))
    figure = edf_figure(ReportData("t", views))
    assert isinstance(figure, EdfFigure)
    assert not figure.curves[0].grid
    encoding = edf_chart(figure)["layer"][0]["encoding"]
    looks = zip(encoding["color"]["scale"]["range"], encoding["strokeDash"]["scale"]["range"], strict=True)
    assert len({(color, tuple(dashes)) for color, dashes in looks}) == 12


def test_curves_at_equal_complexity_are_drawn_where_the_mixes_differ() -> None:
    rng = np.random.default_rng(0)
    views = []
    for name, low in (("a", 20), ("b", 50)):
        flops = rng.uniform(low, low + 60, 80)
        views.append(PopulationView(name, pd.DataFrame({"error": 50 - flops / 10, "flops": flops})))
    comparison = Comparison.of(*views, is_refinement=False)
    figure = edf_figure(ReportData("t", tuple(views), comparison=comparison))
    assert isinstance(figure, EdfFigure)
    a, b = figure.normalized
    assert abs(a.mean - b.mean) < 0.5 < abs(figure.curves[0].mean - figure.curves[1].mean)
    assert "vconcat" in edf_chart(figure)
    assert "NDS" in " ".join(figure.sentences)
