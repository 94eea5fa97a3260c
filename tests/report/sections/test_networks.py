from collections.abc import Callable

from netwright.arch import Arch
from netwright.report import ReportData
from netwright.report.sections import Missing
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


def test_networks_of_a_foreign_notation_are_left_out(table_data: TableData) -> None:
    figure = networks_figure(table_data([1.0, 2.0], arch=["k3-e6", "k5-e3"]))
    assert isinstance(figure, Missing)
