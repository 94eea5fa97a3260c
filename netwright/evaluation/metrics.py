"""The numbers of a validation, all computed from the records of the images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from netwright.data.images import Skipped
from netwright.evaluation.records import ImageRecords, IntArray
from netwright.stats.guessing import beats_guessing, commonest_class, is_uneven, shows_top5

__all__ = ["BINS", "Bin", "ClassRow", "ValidationMetrics", "Wrong", "most_wrong", "wilson_interval"]

# of confidence, as in Guo et al., "On Calibration of Modern Neural Networks" (arXiv 1706.04599)
BINS = 15
# with fewer, the top five are all classes; MindCV then leaves Top_5_Accuracy out
_LEAST_CLASSES_FOR_TOP5 = 5

_KEPT = 0.95  # share of the images that the suggested threshold of a rejection keeps


@dataclass(frozen=True, slots=True)
class Bin:
    """Images whose confidence, the probability of the predicted class, is in (low, high].

    Attributes:
        confidence: Mean; None without images.
        accuracy: Share that is right; None without images.
    """

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class.

    Attributes:
        index: Of the output.
        name: Of the class.
        images: Of this class.
        correct: Of its images.
        predicted: Images that were taken for it, rightly or not.
        confused_with: The class that its images were most often taken for instead; None if there is none.
        confused: How often.
    """

    index: int
    name: str
    images: int
    correct: int
    predicted: int
    confused_with: int | None
    confused: int

    @property
    def accuracy(self) -> float | None:
        """Share of its images that are right (recall); None without images."""
        return self.correct / self.images if self.images else None

    @property
    def precision(self) -> float | None:
        """Share of the images taken for it that are of it; None where none was."""
        return self.correct / self.predicted if self.predicted else None


@dataclass(frozen=True, slots=True)
class Wrong:
    """A misclassified image.

    Attributes:
        index: In the source.
        name: Of the image.
        target: Its class.
        predicted: The likeliest output.
        probability: Of the predicted class.
        target_rank: Of its own class, 1 where that comes second.
    """

    index: int
    name: str
    target: int
    predicted: int
    probability: float
    target_rank: int


@dataclass(frozen=True, eq=False)
class ValidationMetrics:
    """A network on a split.

    Attributes:
        records: The answer to each image.
        class_names: Of the outputs, in order.
        total: Images of the split, with the skipped ones.
        seconds: Of loading and computing, on all ranks at once.
        wrong: The most confident mistakes, the worst first.
        skipped: Images that could not be read.
        notices: What the user should know.
    """

    records: ImageRecords
    class_names: tuple[str, ...]
    total: int
    seconds: float
    wrong: tuple[Wrong, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notices: tuple[str, ...] = field(default=())

    @property
    def images(self) -> int:
        return len(self.records)

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds if self.seconds > 0 else math.inf

    @property
    def loss(self) -> float:
        """Mean cross-entropy, summed exactly: the order of the images does not matter."""
        return math.fsum(self.records.loss.tolist()) / self.images

    def correct(self, k: int = 1) -> int:
        """Images whose class is among the k most likely."""
        return int((self.records.rank < k).sum())

    @property
    def top1(self) -> float:
        """Share of the images that is right, 0 to 1."""
        return self.correct() / self.images

    @property
    def top5(self) -> float | None:
        """Share of the images whose class is among the five most likely; None with fewer than five classes."""
        return self.correct(5) / self.images if len(self.class_names) >= _LEAST_CLASSES_FOR_TOP5 else None

    @property
    def shown_top5(self) -> float | None:
        """The top-5 accuracy where people are shown it (`shows_top5`), else None; numbers for programs have it."""
        return self.top5 if shows_top5(len(self.class_names)) else None

    @cached_property
    def class_images(self) -> IntArray:
        """(C,) int64: images of each class."""
        return np.bincount(self.records.target, minlength=len(self.class_names))

    @property
    def commonest(self) -> int:
        """The class that has most images, the first of equals."""
        return commonest_class(self.class_images)[0]

    @property
    def guess(self) -> float:
        """Share of the images that is right where the answer is always the commonest class, 0 to 1."""
        return commonest_class(self.class_images)[1]

    @property
    def balanced(self) -> float:
        """Mean over the classes that have images of the share that is right, 0 to 1."""
        return float(np.mean([row.correct / row.images for row in self.classes if row.images]))

    @property
    def is_uneven(self) -> bool:
        """Whether some class has so many more images than others that top-1 hides the rare ones."""
        return is_uneven(self.class_images)

    @property
    def beats_guess(self) -> bool:
        """Whether it is right more often than the guess, beyond chance (exact sign test, one-sided 5%)."""
        row = self.classes[self.commonest]
        return beats_guessing(self.correct() - row.correct, row.images - row.correct)

    @cached_property
    def confusion(self) -> dict[tuple[int, int], int]:
        """(target, predicted) -> images, for the pairs that occur, sorted."""
        classes = len(self.class_names)
        pairs, images = np.unique(self.records.target * classes + self.records.predicted, return_counts=True)
        return {divmod(int(pair), classes): int(n) for pair, n in zip(pairs, images, strict=True)}

    def confusion_matrix(self, classes: Sequence[int] | None = None) -> IntArray:
        """(C, C) int64: row target, column predicted; classes: only these, by default all."""
        chosen = range(len(self.class_names)) if classes is None else classes
        place = {label: i for i, label in enumerate(chosen)}
        matrix = np.zeros((len(place), len(place)), dtype=np.int64)
        for (target, predicted), images in self.confusion.items():
            if target in place and predicted in place:
                matrix[place[target], place[predicted]] = images
        return matrix

    @cached_property
    def classes(self) -> tuple[ClassRow, ...]:
        """A row per class, in the order of the outputs."""
        n = len(self.class_names)
        images = self.class_images
        predicted = np.bincount(self.records.predicted, minlength=n)
        correct = np.bincount(self.records.target[self.records.rank == 0], minlength=n)
        worst: dict[int, tuple[int, int]] = {}  # target -> (images, predicted), the first of equals
        for (target, taken_for), many in self.confusion.items():
            if target != taken_for and many > worst.get(target, (0, -1))[0]:
                worst[target] = (many, taken_for)
        rows = []
        for index, name in enumerate(self.class_names):
            many, taken_for = worst.get(index, (0, -1))
            other = taken_for if many else None
            rows.append(
                ClassRow(index, name, int(images[index]), int(correct[index]), int(predicted[index]), other, many)
            )
        return tuple(rows)

    @cached_property
    def reliability(self) -> tuple[Bin, ...]:
        """BINS bins of equal width."""
        edges = np.linspace(0, 1, BINS + 1)
        place = np.searchsorted(edges[1:-1], self.records.probability)  # an edge itself is in the bin below it
        images = np.bincount(place, minlength=BINS)
        confidence = np.bincount(place, self.records.probability, BINS)
        right = np.bincount(place, self.records.rank == 0, BINS)
        return tuple(
            Bin(low, high, n, total / n if n else None, hits / n if n else None)
            for low, high, n, total, hits in zip(
                edges[:-1].tolist(), edges[1:].tolist(), images.tolist(), confidence.tolist(), right.tolist(),
                strict=True,
            )
        )  # fmt: skip

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1: the mean over images of |accuracy - confidence| of their bin."""
        gaps = [
            abs(b.accuracy - b.confidence) * b.images
            for b in self.reliability
            if b.accuracy is not None and b.confidence is not None
        ]
        return math.fsum(gaps) / self.images

    @property
    def confidence(self) -> float:
        """Mean probability of the predicted class."""
        return math.fsum(self.records.probability.tolist()) / self.images

    @property
    def keeping_threshold(self) -> float:
        """The `--threshold` of `netwright predict` that keeps 95% of these images."""
        return float(np.quantile(self.records.probability, 1 - _KEPT))

    def to_mindcv(self) -> dict[str, float]:
        """As MindCV's validate.py prints them: shares, and no Top_5_Accuracy with fewer than five classes."""
        top5 = {} if self.top5 is None else {"Top_5_Accuracy": self.top5}
        return {"Top_1_Accuracy": self.top1, **top5, "loss": self.loss}

    def to_dict(self) -> dict[str, Any]:
        """Numbers and counts, for metrics.json."""
        top5 = {} if self.top5 is None else {"top5": self.top5, "top5_correct": self.correct(5)}
        return {
            "images": self.images,
            "skipped": [{"name": bad.name, "reason": bad.reason} for bad in self.skipped],
            "classes": len(self.class_names),
            "top1": self.top1,
            "top1_correct": self.correct(),
            "top1_interval": list(wilson_interval(self.correct(), self.images)),
            **top5,
            "guess": {"class": self.class_names[self.commonest], "top1": self.guess},
            "beats_guess": self.beats_guess,
            "balanced": self.balanced,
            "loss": self.loss,
            "calibration_error": self.calibration_error,
            "confidence": self.confidence,
            "seconds": self.seconds,
            "images_per_second": self.images_per_second,
        }


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """95% interval of a share (Wilson's score interval). n: at least 1."""
    from scipy.stats import binomtest

    low, high = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    return float(low), float(high)


def most_wrong(records: ImageRecords, index: IntArray, name_of: Callable[[int], str], most: int) -> tuple[Wrong, ...]:
    """The most confident misclassified images, the most confident first. index: of each position in the source."""
    wrong = np.flatnonzero(records.rank > 0)
    worst = wrong[np.argsort(-records.probability[wrong], kind="stable")][:most]
    return tuple(
        Wrong(
            index=(place := int(index[records.position[row]])),
            name=name_of(place),
            target=int(records.target[row]),
            predicted=int(records.predicted[row]),
            probability=float(records.probability[row]),
            target_rank=int(records.rank[row]),
        )
        for row in worst.tolist()
    )
