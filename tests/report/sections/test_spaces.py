from collections.abc import Callable
from dataclasses import replace

import pytest

from netwright.report import PopulationView, ReportData
from netwright.report.sections.spaces import SpacesFigure, spaces_figure

Population = Callable[..., PopulationView]


def test_spaces_place_the_new_interval_on_the_old(population: Population) -> None:
    before = replace(population(2), bounds={"wm": (1.5, 3.0), "w0": (4.0, 256.0)}, parameters=("wm", "w0"), size=100)
    after = replace(before, name="after", bounds={"wm": (2.25, 3.0), "w0": (4.0, 32.0)}, size=10)
    figure = spaces_figure(ReportData("title", (before, after)))
    assert isinstance(figure, SpacesFigure)
    wm, w0 = figure.intervals
    assert (wm.start, wm.stop) == pytest.approx((0.5, 1.0))
    assert (w0.start, w0.stop) == pytest.approx((0.0, 0.5))
    assert "100 combinations of parameters, after 10: 10 times fewer" in " ".join(figure.sentences)
