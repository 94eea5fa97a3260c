from collections.abc import Callable

import pytest

from netwright.evaluation import ValidationMetrics
from netwright.evaluation.figures import (
    accuracy_figure,
    calibration_figure,
    confusion_figure,
    labels_of,
    summary,
)

Make = Callable[..., ValidationMetrics]


def test_every_class_is_a_bar_while_they_are_few(measured: Make) -> None:
    found = measured()
    figure = accuracy_figure(found, found.class_names)
    assert len(figure.bars) == 10
    assert figure.spread == ()
    accuracies = [bar.accuracy for bar in figure.bars]
    assert accuracies == sorted(accuracies)
    assert all(bar.low <= bar.accuracy <= bar.high for bar in figure.bars)


def test_of_many_classes_the_worst_are_bars_and_all_are_counted(measured: Make) -> None:
    found = measured(n=900, classes=60)
    figure = accuracy_figure(found, found.class_names)
    assert len(figure.bars) == 25
    assert sum(classes for _, _, classes in figure.spread) == sum(1 for row in found.classes if row.images)


@pytest.mark.parametrize(("classes", "shown"), [(10, 10), (60, 40)])
def test_cells_are_the_confusion_matrix(measured: Make, classes: int, shown: int) -> None:
    found = measured(n=900, classes=classes)
    figure = confusion_figure(found, found.class_names)
    assert 1 < len(figure.labels) <= shown
    chosen = [found.class_names.index(label) for label in figure.labels]
    matrix = found.confusion_matrix(chosen)
    assert sum(cell.images for cell in figure.cells) == matrix.sum()
    assert all(cell.is_right == (cell.target == cell.predicted) for cell in figure.cells)
    mistakes = sorted((many for (a, b), many in found.confusion.items() if a != b), reverse=True)
    assert [pair.images for pair in figure.pairs] == mistakes[: len(figure.pairs)]
    assert ("Shown are" in figure.sentences[0]) == (classes == 60)


def test_calibration_says_which_way_it_leans(measured: Make) -> None:
    found = measured(2000)
    gap = found.confidence - found.top1
    said = calibration_figure(found).sentences[1]
    assert abs(gap) > 0.01
    assert ("too sure" in said) == (gap > 0)


def test_the_summary_has_the_numbers_and_what_was_skipped(measured: Make) -> None:
    said = " ".join(summary(measured()))
    assert f"{100 * measured().top1:.2f}% of 300 images" in said
    assert "2 images of 302 could not be read" in said
    assert "top-5" not in " ".join(summary(measured(classes=4)))


def test_labels_are_readable_and_never_the_same() -> None:
    assert labels_of(("cat", "dog")) == ("cat", "dog")
    assert labels_of(("n01440764", "n02012849", "n03126707")) == ("tench", "crane (n02012849)", "crane (n03126707)")
