from dataclasses import replace

from netwright.report import Finalist, ReportData
from netwright.report.sections.answer import AnswerFigure, answer_figure


def test_the_answer_says_when_the_costs_differ(guided: ReportData) -> None:
    def doubled(finalist: Finalist) -> Finalist:
        return replace(finalist, flops=2 * finalist.flops) if finalist.role == "pick" else finalist

    assert "do not cost the same" not in _answer(guided)
    assert "do not cost the same" in _answer(replace(guided, finalists=tuple(map(doubled, guided.finalists))))


def test_the_answer_names_the_best_trial_where_nothing_was_trained_longer(plain: ReportData) -> None:
    assert "chosen by this error" in _answer(plain)


def _answer(data: ReportData) -> str:
    figure = answer_figure(data)
    assert isinstance(figure, AnswerFigure)
    return " ".join(figure.sentences)
