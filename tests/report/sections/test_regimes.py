from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from netwright.arch import complexity, fit_batch
from netwright.report import PopulationView, ReportData
from netwright.report.sections import Missing
from netwright.report.sections.regimes import LINES, QUANTITIES, RegimesFigure, regimes_chart, regimes_figure
from netwright.space import load_space, sample


def regime(low: float, high: float, n: int = 24, seed: int = 0, resolution: int = 224) -> PopulationView:
    """Networks whose error is their distance from a depth of 14."""
    space = load_space("regnetx").with_setting(resolution=resolution).refine(depth=(6, 20), flops=(low, high))
    batch = sample(space, n, seed)
    cost = complexity(batch)
    frame = pd.DataFrame({name: np.asarray(values) for name, values in batch.parameters.items()}).assign(
        error=30 + np.abs(np.asarray(batch.parameters["depth"]) - 14.0),
        arch=[arch.to_json() for arch in batch],
        flops=cost.flops,
        params=cost.params,
        acts=cost.acts,
    )
    return PopulationView(f"{low / 1e6:g}M", frame, parameters=tuple(batch.parameters))


def figure_of(*views: PopulationView) -> RegimesFigure:
    figure = regimes_figure(ReportData("t", views))
    assert isinstance(figure, RegimesFigure)
    return figure


@pytest.fixture(scope="module")
def three() -> tuple[PopulationView, ...]:
    return tuple(regime(low, 1.2 * low) for low in (4e8, 1e8, 2e8))


def test_each_population_is_a_regime_in_the_order_of_flops(three: tuple[PopulationView, ...]) -> None:
    figure = figure_of(*three)
    assert [each.name for each in figure.regimes] == ["100M", "200M", "400M"]
    assert [trend.quantity for trend in figure.trends] == list(QUANTITIES)
    depth = figure.trends[0]
    assert all(abs(best - 14) <= 1 for best in depth.best)
    assert all(low <= best <= high for low, best, high in zip(depth.low, depth.best, depth.high, strict=True))
    assert depth.flops == tuple(each.flops for each in figure.regimes)
    assert not depth.line


def test_costs_have_the_lines_of_the_paper(three: tuple[PopulationView, ...]) -> None:
    assert LINES["acts"](np.array([1e9, 4e9])).tolist() == [6.5e6, 13e6]
    assert LINES["params"](np.array([1e9, 4e9])).tolist() == [8.5e6, 25e6]
    trends = {trend.quantity: trend for trend in figure_of(*three).trends}
    assert trends["acts"].line == tuple(LINES["acts"](np.array(trends["acts"].flops)).tolist())
    assert len(trends["params"].line) == 3
    small = figure_of(regime(2e6, 3e6, resolution=32), regime(8e6, 9e6, resolution=32))
    assert not any(trend.line for trend in small.trends)
    assert "are of 224 pixels, so they are not drawn" in small.sentences[0]


def test_quantities_are_those_of_the_networks(three: tuple[PopulationView, ...]) -> None:
    """Of an AnyNet, which draws no wm, it is the fitted one."""
    space = load_space("anynetx_e").refine(depth=(1, 4))
    views = []
    for low in (1e8, 4e8):
        batch = sample(space.refine(flops=(low, 1.2 * low)), 12, 0)
        cost = complexity(batch)
        frame = pd.DataFrame({"error": np.arange(12.0), "arch": [arch.to_json() for arch in batch]})
        views.append(PopulationView(str(low), frame.assign(flops=cost.flops)))
    figure = figure_of(*views)
    wm = next(trend for trend in figure.trends if trend.quantity == "wm")
    assert wm.low[1] >= fit_batch(batch).wm.min() - 1e-9
    assert wm.high[1] <= fit_batch(batch).wm.max() + 1e-9
    assert {trend.quantity for trend in figure.trends} == {*QUANTITIES} - {"acts", "params"}


def test_one_population_of_many_flops_is_divided() -> None:
    figure = figure_of(regime(1e8, 1.6e9, n=90))
    assert [each.n for each in figure.regimes] == [45, 45]
    assert figure.regimes[0].name.startswith("100M at ")


def test_one_regime_has_no_trend(three: tuple[PopulationView, ...], table_data: Callable[..., ReportData]) -> None:
    for views in (three[:1], (three[0], replace(three[0], name="again"))):
        assert isinstance(regimes_figure(ReportData("t", views)), Missing)
    assert isinstance(regimes_figure(table_data([1.0, 2.0])), Missing)


def test_the_chart_has_a_panel_for_each_quantity(three: tuple[PopulationView, ...]) -> None:
    spec = regimes_chart(figure_of(*three))
    assert len(spec["concat"]) == len(QUANTITIES)
    assert [row["line"] for row in spec["datasets"]["trend5"]] != [None] * 3
