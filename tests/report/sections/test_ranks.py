from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import vl_convert

from netwright.report import PopulationView, ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.ranks import RanksFigure, ranks_chart, ranks_figure
from netwright.report.seed_noise import noise_of, unstable

TableData = Callable[..., ReportData]


def repeated(view: PopulationView, networks: int = 10, deviation: float = 0.5) -> PopulationView:
    """The population, with two more seeds of its best networks."""
    rng = np.random.default_rng(0)
    best = view.done.iloc[:networks]
    rows = [
        {"network": trial, "repeat": k, "state": "done", "failure": None, "error": error + rng.normal(0, deviation)}
        for k in (1, 2)
        for trial, error in zip(best["trial"], best["error"], strict=True)
    ]
    return replace(view, repeats=pd.DataFrame(rows))


def with_first(data: ReportData, view: PopulationView) -> ReportData:
    return replace(data, populations=(view, *data.populations[1:]))


def test_taus_of_epochs_with_the_end(guided: ReportData) -> None:
    figure = ranks_figure(guided)
    assert isinstance(figure, RanksFigure)
    over = {
        over: [point.tau for point in figure.points if point.over == over] for over in ("all networks", "best quarter")
    }
    assert len(over["all networks"]) == len(over["best quarter"]) == 7  # of 8 epochs
    assert over["all networks"][-1] > over["all networks"][0]
    assert figure.ceilings == ()
    assert "No network was trained with several seeds" in figure.sentences[-1]
    svg = vl_convert.vegalite_to_svg(ranks_chart(figure))
    assert "best quarter" in svg


def test_the_ceiling_is_drawn_beside_them(guided: ReportData) -> None:
    view = repeated(guided.populations[0])
    figure = ranks_figure(with_first(guided, view))
    assert isinstance(figure, RanksFigure)
    assert [over for over, _ in figure.ceilings] == ["all networks", "best quarter"]
    assert figure.sentences[-2].startswith("Seeds make ")
    assert f"10 networks of {len(view.done)} with several seeds" in figure.sentences[-2]
    vl_convert.vegalite_to_svg(ranks_chart(figure))


def test_without_curves_seeds_are_told_without_a_chart(guided: ReportData) -> None:
    view = repeated(guided.populations[0])
    view = replace(view, frame=view.frame.drop(columns="curve"))
    figure = ranks_figure(with_first(guided, view))
    assert isinstance(figure, RanksFigure)
    assert len(figure.sentences) == 2
    assert ranks_chart(figure) is None


def test_few_networks_or_no_curves_have_none(table_data: TableData) -> None:
    curve = [{"epoch": k, "error": 90.0 - k} for k in (1, 2)]
    assert isinstance(ranks_figure(table_data([60.0] * 19, curve=[curve] * 19)), Missing)
    assert isinstance(ranks_figure(table_data([60.0, 61.0] * 20)), Missing)
    assert isinstance(ranks_figure(table_data([60.0] * 40, curve=[curve] * 40)), Missing)  # all are equal


def test_networks_that_fail_with_some_seeds_are_told_and_left_out(guided: ReportData) -> None:
    view = repeated(guided.populations[0])
    assert view.repeats is not None
    frame = view.repeats.copy()
    frame.loc[0, ["state", "failure", "error"]] = ["failed", "network", np.nan]
    frame.loc[1, ["state", "failure", "error"]] = ["failed", "machine", np.nan]
    failing = replace(view, repeats=frame)
    noise = noise_of(failing)
    assert noise is not None
    assert (noise.repeated, unstable(failing), unstable(view)) == (9, 1, 0)
    assert noise.networks == len(view.done) - 1
    figure = ranks_figure(with_first(guided, failing))
    assert isinstance(figure, RanksFigure)
    assert figure.sentences[-1] == "1 network failed with some seeds and not with others."
