from dataclasses import replace

from netwright.report import Finalist, ReportData
from netwright.report.sections.answer import AnswerFigure, answer_figure


def test_the_answer_says_when_the_costs_differ(guided: ReportData) -> None:
    def doubled(finalist: Finalist) -> Finalist:
        return replace(finalist, flops=2 * finalist.flops) if finalist.role == "pick" else finalist

    assert "do not cost the same" not in _answer(guided)
    assert "do not cost the same" in _answer(replace(guided, finalists=tuple(map(doubled, guided.finalists))))


def test_the_answer_stands_beside_the_guess(guided: ReportData) -> None:
    def measured(guess: float) -> ReportData:
        known = [replace(each, test_errors=(25.0,), test_images=40, test_guess=guess) for each in guided.finalists]
        return replace(guided, finalists=tuple(known))

    assert "always answering" not in _answer(guided)
    assert "Always answering the commonest class would give 50.00% of the test images." in _answer(measured(50.0))
    assert "On 40 images this may be guessing: always answering the commonest class would give 70" in _answer(
        measured(70.0)
    )
    assert "No better than guessing: always" in _answer(measured(75.0))


def test_the_answer_names_the_best_trial_where_nothing_was_trained_longer(plain: ReportData) -> None:
    assert "chosen by this error" in _answer(plain)


def _answer(data: ReportData) -> str:
    figure = answer_figure(data)
    assert isinstance(figure, AnswerFigure)
    return " ".join(figure.sentences)
