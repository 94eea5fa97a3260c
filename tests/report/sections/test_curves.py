from netwright.report import ReportData
from netwright.report.sections.curves import CurvesFigure, curves_figure


def test_curves_draw_the_best_last(guided: ReportData) -> None:
    figure = curves_figure(guided)
    assert isinstance(figure, CurvesFigure)
    assert [curve.is_best for curve in figure.curves[-3:]] == [False, True, True]
    best = guided.populations[0].done.iloc[0]
    bold = next(c for c in figure.curves if c.is_best and c.population == "regnetx")
    assert (bold.trial, bold.errors[-1]) == (best["trial"], best["error"])
