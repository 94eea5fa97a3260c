from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from netwright.report import Comparison, PopulationView, ReportData
from netwright.report.sections.efficiency import EfficiencyFigure, efficiency_figure

TableData = Callable[..., ReportData]


def test_efficiency_ends_at_the_lowest_error(table_data: TableData) -> None:
    figure = efficiency_figure(table_data([4.0, 2.0, 1.0, 3.0]))
    assert isinstance(figure, EfficiencyFigure)
    assert figure.curves[0].sizes == (1, 2, 4)
    assert figure.curves[0].means == pytest.approx((2.5, 5 / 3, 1.0))


def test_a_failed_network_costs_a_search_too(table_data: TableData) -> None:
    figure = efficiency_figure(table_data([4.0, 2.0, float("nan"), 3.0]))
    assert isinstance(figure, EfficiencyFigure)
    assert figure.curves[0].means == pytest.approx((27.25, (3 * 2 + 2 * 3 + 4) / 6, 2.0))
    assert "counts as 100%" in figure.sentences[0]


@pytest.mark.slow
def test_how_many_networks_are_needed_is_said_with_an_interval_or_not_at_all() -> None:
    """Of two samples of one population, one "needed" twice as many as the other in half of all cases."""
    rng = np.random.default_rng(0)

    def said(shift: float, name: str = "b") -> str:
        a, b = (
            PopulationView(which, pd.DataFrame({"error": rng.normal(40 + by, 2, 60)}))
            for which, by in (("a", 0.0), (name, shift))
        )
        figure = efficiency_figure(ReportData("t", (a, b), comparison=Comparison.of(a, b, is_refinement=True)))
        assert isinstance(figure, EfficiencyFigure)
        return " ".join(figure.sentences)

    assert "A search of a needs more networks for what 8 networks of b reach: more than 60" in said(-12)
    assert sum("needs more" in said(0.0) for _ in range(20)) <= 2
