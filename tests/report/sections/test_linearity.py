from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from netwright.arch import Arch, fit
from netwright.report import PopulationView, ReportData
from netwright.report.sections import Missing
from netwright.report.sections.linearity import LinearityFigure, linearity_chart, linearity_figure

Populations = Callable[..., PopulationView]


def figure_of(*views: PopulationView) -> LinearityFigure:
    figure = linearity_figure(ReportData("t", views, repeats=999))
    assert isinstance(figure, LinearityFigure)
    return figure


def with_e_fit(view: PopulationView, e_fit: np.ndarray, error: np.ndarray) -> PopulationView:
    return replace(view, frame=view.frame.assign(e_fit=e_fit, error=error))


def test_every_network_is_a_point_with_its_own_e_fit(population: Populations) -> None:
    view = population(40, seed=3, failed=4)
    [panel] = figure_of(view).panels
    assert (len(panel.e_fit), len(panel.failed)) == (40, 4)
    archs = view.trials.set_index("trial")["arch"]
    for i in (0, 20, 39):
        found = fit(Arch.from_json(archs[panel.trial[i]]))
        assert panel.e_fit[i] == found.e_fit  # type: ignore[union-attr]
    assert panel.error == tuple(sorted(panel.error))
    assert panel.low is not None
    assert panel.best is not None
    assert panel.high is not None
    assert min(panel.e_fit) <= panel.low <= panel.best <= panel.high


def test_that_the_best_are_nearer_to_the_line_needs_a_test(population: Populations) -> None:
    """The medians alone say "smaller" for half of all populations in which e_fit does nothing."""
    view = population(60, seed=3, failed=4)
    rng = np.random.default_rng(1)
    e_fit = rng.uniform(0, 0.3, 64)
    noise = with_e_fit(view, e_fit, rng.normal(30, 3, 64))
    cause = with_e_fit(view, e_fit, 30 + 20 * e_fit + rng.normal(0, 0.2, 64))
    assert "is not shown" in figure_of(noise).sentences[1]
    assert "has a smaller e_fit than the others" in figure_of(cause).sentences[1]
    assert "4 networks that failed are crosses" in figure_of(cause).sentences[0]
    worse = with_e_fit(view, e_fit, 30 - 20 * e_fit + rng.normal(0, 0.2, 64))
    both = figure_of(replace(cause, name="A"), replace(worse, name="B"))
    assert "of A has a smaller e_fit" in both.sentences[1]
    assert "of B has a larger e_fit" in both.sentences[2]
    assert all("Holm-corrected for 2 populations" in each for each in both.sentences[1:])


def test_a_population_on_the_line_is_not_tested(population: Populations) -> None:
    view = population(30, seed=0)
    flat = with_e_fit(view, np.full(30, 0.01), view.frame["error"].to_numpy())
    assert figure_of(flat).sentences[1:] == (
        f"All networks of {view.name} are on such a line (e_fit at most 0.010): it tells none apart.",
    )


def test_a_few_networks_are_drawn_without_a_band(population: Populations) -> None:
    [panel] = figure_of(population(5, seed=0)).panels
    assert (len(panel.e_fit), panel.low, panel.test) == (5, None, None)


def test_without_networks_there_is_no_figure(table_data: Callable[..., ReportData]) -> None:
    for columns in ({}, {"arch": ["k3-e6", "k5-e3"]}):
        figure = linearity_figure(table_data([1.0, 2.0], **columns))
        assert isinstance(figure, Missing)
        assert "'arch'" in figure.why


@pytest.mark.parametrize("many", [1, 4])
def test_the_chart_has_a_panel_for_each_population(population: Populations, many: int) -> None:
    figure = figure_of(*(population(20, seed=i, name=f"P{i}") for i in range(many)))
    spec = linearity_chart(figure)
    assert len(spec["concat"]) == many
    assert len(spec["datasets"]["points0"]) == 20
