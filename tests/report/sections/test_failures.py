import math
from collections.abc import Callable

from netwright.report import ReportData
from netwright.report.sections.failures import FailuresFigure, failures_figure

TableData = Callable[..., ReportData]


def test_failures_are_counted_by_reason(table_data: TableData) -> None:
    reasons = ["Diverged: a", "Diverged: a", None, "", None]
    states = ["failed", "failed", "failed", "failed", "running"]
    figure = failures_figure(table_data([math.nan] * 5, state=states, reason=reasons))
    assert isinstance(figure, FailuresFigure)
    assert dict(figure.reasons) == {"Diverged: a": 2, "no reason recorded": 2}
    assert figure.sentences[0].startswith("4 of 5 trials failed")
    assert "1 trial had not been finished" in figure.sentences[0]
    assert "counts as an error of 100%" in figure.sentences[1]


def test_failures_of_the_machine_are_no_results(table_data: TableData) -> None:
    states, kinds = ["done", "failed", "failed"], [None, "network", "machine"]
    figure = failures_figure(table_data([30.0, math.nan, math.nan], state=states, failure=kinds))
    assert isinstance(figure, FailuresFigure)
    assert figure.sentences[2].startswith("1 trial failed by the machine")


def test_a_done_trial_without_an_error_has_failed(table_data: TableData) -> None:
    figure = failures_figure(table_data([30.0, math.nan], state=["done", "done"]))
    assert isinstance(figure, FailuresFigure)
    assert dict(figure.reasons) == {"no reason recorded": 1}
