from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from netwright.arch import Arch, LinearFit
from netwright.report import PopulationView, ReportData
from netwright.report.sections import Missing, networks
from netwright.report.sections.networks import NetworksFigure, networks_figure

TableData = Callable[..., ReportData]


def test_networks_show_each_block_once(guided: ReportData) -> None:
    figure = networks_figure(guided)
    assert isinstance(figure, NetworksFigure)
    assert len(figure.best) == len(figure.worst) == 6
    assert figure.best[0].error == min(view.done["error"].min() for view in guided.populations)
    assert figure.worst[0].error == max(view.done["error"].max() for view in guided.populations)
    for network in (*figure.best, *figure.worst):
        view = next(view for view in guided.populations if view.name == network.population)
        arch = Arch.from_json(view.done.set_index("trial").loc[network.trial, "arch"])
        assert network.widths == arch.block_widths
        assert len(network.fitted) == arch.depth


def test_that_the_best_are_nearer_to_the_line_needs_a_test(
    population: Callable[..., PopulationView], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The medians alone say "smaller" for half of all populations in which e_fit does nothing."""
    view = population(60, seed=3, failed=4)
    rng = np.random.default_rng(1)
    e_fit = pd.Series(rng.uniform(0, 0.3, 64), index=view.frame["arch"])
    monkeypatch.setattr(networks, "_fitted", lambda text: LinearFit(0, 0, 0, float(e_fit[text]), ()))
    noise = replace(view, frame=view.frame.assign(error=rng.normal(30, 3, 64)))
    assert "is not shown" in _said(noise)
    cause = replace(view, frame=view.frame.assign(error=30 + 20 * e_fit.to_numpy() + rng.normal(0, 0.2, 64)))
    assert "has a smaller e_fit than the others" in _said(cause)


def _said(view: PopulationView) -> str:
    return networks._linearity(ReportData("t", (view,)), view.name)


def test_networks_of_a_foreign_notation_are_left_out(table_data: TableData) -> None:
    figure = networks_figure(table_data([1.0, 2.0], arch=["k3-e6", "k5-e3"]))
    assert isinstance(figure, Missing)
