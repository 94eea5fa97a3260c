"""Against scikit-learn."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    log_loss,
    precision_score,
    recall_score,
    top_k_accuracy_score,
)
from torch import Tensor

from netwright.evaluation import ImageRecords, ValidationMetrics
from netwright.evaluation.metrics import BINS, wilson_interval

Answers = Callable[..., tuple[Tensor, Tensor]]
Make = Callable[..., ValidationMetrics]


def test_top_1_top_5_and_loss_are_those_of_scikit_learn(answers: Answers, measured: Make) -> None:
    logits, target = answers(300, 10)
    labels = list(range(10))
    found = measured()
    assert found.top1 == top_k_accuracy_score(target, logits, k=1, labels=labels)
    assert found.top5 == top_k_accuracy_score(target, logits, k=5, labels=labels)
    assert found.loss == pytest.approx(log_loss(target, logits.double().softmax(1), labels=labels), rel=1e-12)


def test_confusion_and_classes_are_those_of_scikit_learn(answers: Answers, measured: Make) -> None:
    logits, target = answers(300, 10)
    predicted = logits.argmax(1)
    found = measured()
    expected = confusion_matrix(target, predicted, labels=range(10))
    assert np.array_equal(found.confusion_matrix(), expected)
    assert np.array_equal(found.confusion_matrix([7, 2]), expected[np.ix_([7, 2], [7, 2])])
    assert [row.accuracy for row in found.classes] == pytest.approx(recall_score(target, predicted, average=None))
    assert [row.precision for row in found.classes] == pytest.approx(precision_score(target, predicted, average=None))
    off = expected - np.diag(np.diag(expected))
    assert [row.confused for row in found.classes] == off.max(axis=1).tolist()
    assert [row.confused_with for row in found.classes] == off.argmax(axis=1).tolist()


def test_calibration_is_that_of_scikit_learn(answers: Answers, measured: Make) -> None:
    logits, target = answers(2000, 10)
    confidence, predicted = logits.double().softmax(1).max(1)
    right = (predicted == target).numpy()
    found = measured(2000)
    accuracy, mean = calibration_curve(right, confidence.numpy(), n_bins=BINS)
    told = [each for each in found.reliability if each.images]
    assert [each.accuracy for each in told] == pytest.approx(accuracy)
    assert [each.confidence for each in told] == pytest.approx(mean)
    assert sum(each.images for each in found.reliability) == 2000
    weights = np.array([each.images for each in told]) / 2000
    assert found.calibration_error == pytest.approx(float((weights * np.abs(accuracy - mean)).sum()))


def test_a_confidence_on_an_edge_is_in_the_bin_below() -> None:
    ones, whole = np.ones(3), np.zeros(3, dtype=np.int64)
    records = ImageRecords(np.arange(3), whole, whole, np.array([0.2, np.nextafter(0.2, 1), 1.0]), ones, whole)
    found = ValidationMetrics(records, ("a", "b"), 3, 1.0)
    assert [i for i, each in enumerate(found.reliability) if each.images] == [2, 3, 14]


def test_there_is_no_top_5_under_five_classes(measured: Make) -> None:
    four, five = measured(classes=4), measured(classes=5)
    assert four.top5 is None
    assert list(four.to_mindcv()) == ["Top_1_Accuracy", "loss"]
    assert "top5" not in four.to_dict()
    assert five.top5 == 1.0
    assert list(five.to_mindcv()) == ["Top_1_Accuracy", "Top_5_Accuracy", "loss"]


def test_the_most_wrong_images_are_the_most_confident_ones(answers: Answers, measured: Make) -> None:
    logits, target = answers(300, 10)
    confidence, predicted = logits.double().softmax(1).max(1)
    confidence[predicted == target] = -1
    worst = confidence.argsort(descending=True)[:12]
    found = measured().wrong
    assert [each.index for each in found] == worst.tolist()
    assert [each.name for each in found] == [f"image-{i}.png" for i in worst.tolist()]
    assert [each.probability for each in found] == pytest.approx(confidence[worst].tolist())
    assert [(each.target, each.predicted) for each in found] == list(
        zip(target[worst].tolist(), predicted[worst].tolist(), strict=True)
    )


def test_a_class_without_images_has_no_accuracy() -> None:
    logits = torch.eye(3)[[0, 1, 1]]
    from netwright.evaluation.measure import records_of

    found = ValidationMetrics(records_of(logits, torch.tensor([0, 1, 0]), np.arange(3)), ("a", "b", "c"), 3, 1.0)
    assert [row.accuracy for row in found.classes] == [0.5, 1.0, None]
    assert [row.precision for row in found.classes] == [1.0, 0.5, None]
    assert found.classes[2].confused_with is None


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe 1998, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_the_published_ones(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


def uneven(right_of_rare: int, wrong_of_common: int) -> ValidationMetrics:
    """200 images of one class, 5 of another."""
    target = np.repeat([0, 1], [200, 5])
    predicted = target.copy()
    predicted[200 + right_of_rare :] = 0
    predicted[:wrong_of_common] = 1
    rank = (predicted != target).astype(np.int64)
    columns = np.arange(205), target, predicted, np.full(205, 0.9), np.ones(205), rank
    return ValidationMetrics(ImageRecords(*columns), ("ok", "broken"), 205, 1.0)


def test_an_accuracy_stands_beside_a_guess_and_the_balanced_one() -> None:
    """200 images against 5: a test error of 2.44% is the guess."""
    guess, good = uneven(0, 0), uneven(5, 2)
    assert 100 * (1 - guess.top1) == pytest.approx(2.44, abs=0.005)
    assert (guess.guess, guess.commonest, guess.balanced, guess.beats_guess) == (guess.top1, 0, 0.5, False)
    assert guess.is_uneven
    assert good.balanced == pytest.approx((0.99 + 1) / 2)
    assert not good.beats_guess  # 5 against 2 may be chance
    assert uneven(5, 0).beats_guess
    assert guess.to_dict()["guess"] == {"class": "ok", "top1": guess.top1}


def test_balanced_accuracy_is_that_of_scikit_learn(answers: Answers, measured: Make) -> None:
    logits, target = answers(300, 10)
    assert measured().balanced == pytest.approx(balanced_accuracy_score(target, logits.argmax(1)))


def test_top_5_is_shown_where_five_are_few(measured: Make) -> None:
    assert measured(classes=10).top5 is not None
    assert measured(classes=10).shown_top5 is None
    assert measured(classes=11).shown_top5 == measured(classes=11).top5
