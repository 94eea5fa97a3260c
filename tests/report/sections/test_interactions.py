from dataclasses import replace

import vl_convert

from netwright.report import ReportData
from netwright.report.sections.interactions import InteractionsFigure, interactions_chart, interactions_figure
from netwright.report.sections.missing import Missing
from netwright.stats import Fanova, FanovaEffect


def effect(*names: str, share: float, p: float) -> FanovaEffect:
    return FanovaEffect(names, share, (share / 2, min(1.0, 1.5 * share)), 0.02, p)


MAINS = (effect("depth", share=0.5, p=0.01), effect("w0", share=0.1, p=0.3))
PAIRS = (effect("depth", "w0", share=0.3, p=0.02), *(effect("w0", f"x{i}", share=0.01, p=0.9) for i in range(20)))
FOUND = Fanova(60, MAINS, PAIRS, 0.05, 0.4, 0.95)


def test_what_acts_together_is_told_and_drawn(guided: ReportData) -> None:
    figure = interactions_figure(replace(guided, interactions=FOUND))
    assert isinstance(figure, InteractionsFigure)
    assert [bar.name for bar in figure.bars] == ["depth", "w0", "depth × w0", "w0 × x0", "w0 × x1", "w0 × x2"]
    assert [bar.is_shown for bar in figure.bars] == [True, False, True, False, False, False]
    said = " ".join(figure.sentences)
    assert "Shown to explain errors at 5%: depth (50%, by chance 2%, p = 0.01)." in said
    assert "Shown to act together at 5%: depth × w0 (30%, by chance 2%, p = 0.02)." in said
    assert "largest share of all 2 parameters or 21 pairs" in said
    assert "depth × w0" in vl_convert.vegalite_to_svg(interactions_chart(figure))


def test_a_forest_that_predicts_nothing_shows_nothing(guided: ReportData) -> None:
    figure = interactions_figure(replace(guided, interactions=replace(FOUND, predicted=-0.1)))
    assert isinstance(figure, InteractionsFigure)
    assert not any(bar.is_shown for bar in figure.bars)
    assert figure.sentences[-1].endswith("these shares show nothing.")


def test_many_parameters_are_drawn_up_to_a_number(guided: ReportData) -> None:
    mains = tuple(effect(f"x{i}", share=0.03, p=0.01) for i in range(30))
    figure = interactions_figure(replace(guided, interactions=replace(FOUND, mains=mains)))
    assert isinstance(figure, InteractionsFigure)
    assert len(figure.bars) == 16
    assert "depth × w0" in [bar.name for bar in figure.bars]


def test_a_report_without_a_forest_says_so(guided: ReportData) -> None:
    assert isinstance(interactions_figure(replace(guided, interactions=None)), Missing)
