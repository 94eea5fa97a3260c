from collections.abc import Callable

from netwright.report import ReportData
from netwright.report.sections.costs import CostsFigure, costs_figure
from netwright.report.sections.points import cost_axis, cost_format, cost_title

TableData = Callable[..., ReportData]


def test_costs_front_cannot_be_beaten(table_data: TableData) -> None:
    figure = costs_figure(table_data([3.0, 2.0, 2.5, 1.0], flops=[1, 2, 3, 4]))
    assert isinstance(figure, CostsFigure)
    assert [(x, error) for x, error, _, _ in figure.panels[0].front] == [(1, 3.0), (2, 2.0), (4, 1.0)]


def test_latency_is_a_cost_like_the_others_and_its_device_is_named(table_data: TableData) -> None:
    data = table_data([3.0, 2.0, 2.5, 1.0], flops=[1, 2, 3, 4], latency_ms=[4.0, 3.0, 2.0, 1.5])
    data.populations[0].frame.attrs["latency_ms"] = "onnx fp32, batch 1, 1 thread on a processor"
    figure = costs_figure(data)
    assert isinstance(figure, CostsFigure)
    assert [panel.cost for panel in figure.panels] == ["flops", "latency_ms"]
    assert [(x, error) for x, error, _, _ in figure.panels[1].front] == [(1.5, 1.0)]
    assert figure.sentences[-1].endswith("measured: onnx fp32, batch 1, 1 thread on a processor.")


def test_milliseconds_are_not_written_as_thousandths() -> None:
    assert (cost_axis("latency_ms").format, cost_axis("flops").format) == ("~g", "~s")
    assert (cost_title("latency_ms"), cost_title("acts")) == ("latency, ms", "acts")
    assert cost_format("latency_ms") != cost_format("params")
