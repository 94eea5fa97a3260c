"""What each chart of a validation shows, as data and sentences; `charts` draws them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netwright.data.classes import descriptions
from netwright.evaluation.metrics import Bin, ClassRow, ValidationMetrics, wilson_interval
from netwright.report.text import count, listing
from netwright.stats.guessing import doubt_of_guessing

__all__ = [
    "AccuracyFigure",
    "Bar",
    "CalibrationFigure",
    "Cell",
    "ConfusionFigure",
    "Pair",
    "accuracy_figure",
    "calibration_figure",
    "confusion_figure",
    "guess_sentences",
    "labels_of",
    "share",
    "summary",
]

# with more, a chart shows the worst of them, and the tables have all
_MOST_CLASSES = 40
_WORST = 25
_MOST_PAIRS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """A class's accuracy and its 95% interval, 0 to 1."""

    label: str
    accuracy: float
    low: float
    high: float
    correct: int
    images: int


@dataclass(frozen=True, slots=True)
class AccuracyFigure:
    """Accuracy by class.

    Attributes:
        bars: Of all classes or of the worst, the worst first.
        spread: (low, high, classes) of a histogram of all accuracies; empty if all classes are bars.
        sentences: What it shows.
    """

    bars: tuple[Bar, ...]
    spread: tuple[tuple[float, float, int], ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the confusion matrix. share: of the images of `target` that were taken for `predicted`."""

    target: str
    predicted: str
    images: int
    share: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """A confusion: images of `target` that were taken for `predicted`."""

    target: str
    predicted: str
    images: int
    share: float


@dataclass(frozen=True, slots=True)
class ConfusionFigure:
    """A part of the confusion matrix.

    Attributes:
        labels: Of the rows and columns, in the order of the outputs.
        cells: Those that have images.
        pairs: The most common confusions.
        sentences: What it shows.
    """

    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    pairs: tuple[Pair, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CalibrationFigure:
    """Accuracy by confidence."""

    bins: tuple[Bin, ...]
    sentences: tuple[str, ...]


def share(value: float | None) -> str:
    """0.7604 -> `76.04%`."""
    return "" if value is None else f"{100 * value:.2f}%"


def labels_of(names: Sequence[str]) -> tuple[str, ...]:
    """Short names for readers: `tench` for ImageNet's n01440764, else the class's name; no two are the same."""
    short = [text.split(",")[0] or name for name, text in zip(names, descriptions(names), strict=True)]
    again = {label for label, many in Counter(short).items() if many > 1}  # ImageNet has two cranes
    return tuple(f"{label} ({name})" if label in again else label for name, label in zip(names, short, strict=True))


def summary(measured: ValidationMetrics, labels: Sequence[str] | None = None) -> tuple[str, ...]:
    """The result in a few sentences. labels: what a reader calls the classes."""
    low, high = wilson_interval(measured.correct(), measured.images)
    first = (
        f"{share(measured.top1)} of {count(measured.images, 'image')} are classified correctly (top-1 accuracy; 95% "
        f"interval {share(low)} to {share(high)})"
    )
    if measured.shown_top5 is not None:
        first += f", and of {share(measured.shown_top5)} the class is among the five most likely (top-5)"
    sentences = [f"{first}.", *guess_sentences(measured, labels or labels_of(measured.class_names))]
    sentences.append(f"The mean cross-entropy is {measured.loss:.4f}.")
    if measured.skipped:
        sentences.append(
            f"{count(len(measured.skipped), 'image')} of {measured.total:,} could not be read and "
            f"{'is' if len(measured.skipped) == 1 else 'are'} left out."
        )
    return (*sentences, *measured.notices)


def guess_sentences(measured: ValidationMetrics, labels: Sequence[str]) -> tuple[str, ...]:
    """What the accuracy is worth: beside a guess, and where classes are uneven the balanced accuracy.

    labels: What a reader calls the classes.
    """
    label = labels[measured.commonest]
    doubt = doubt_of_guessing(measured.top1, measured.guess, measured.images)
    sentences = []
    if measured.beats_guess:
        sentences.append(f"Always answering {label}, the commonest class, would give {share(measured.guess)}.")
    else:
        sentences.append(
            f"{doubt[0].upper()}{doubt[1:]}: always answering {label}, the commonest class, would give "
            f"{share(measured.guess)}."
        )
    if measured.is_uneven:
        sentences.append(
            f"The classes are uneven, so look at the balanced accuracy too: the mean of the classes' own is "
            f"{share(measured.balanced)}."
        )
    return tuple(sentences)


def accuracy_figure(measured: ValidationMetrics, labels: Sequence[str]) -> AccuracyFigure:
    seen = sorted((row for row in measured.classes if row.images), key=lambda row: row.correct / row.images)
    is_all = len(seen) <= _MOST_CLASSES
    bars = tuple(_bar(row, labels) for row in (seen if is_all else seen[:_WORST]))
    spread: list[tuple[float, float, int]] = []
    if not is_all:
        classes, edges = np.histogram([row.correct / row.images for row in seen], bins=20, range=(0, 1))
        spread = list(zip(edges[:-1].tolist(), edges[1:].tolist(), classes.tolist(), strict=True))
    mean = sum(row.correct / row.images for row in seen) / len(seen)
    shows = f"The mean over {count(len(seen), 'class', 'classes')} is {share(mean)}. " + (
        "A bar per class, the worst first; lines are 95% intervals, wide where a class has few images."
        if is_all
        else f"Above, classes by accuracy; below, the {_WORST} worst with their 95% intervals. per_class.csv has all."
    )
    worst, best = seen[0], seen[-1]
    says = (
        f"Worst is {labels[worst.index]} with {share(worst.accuracy)} of {count(worst.images, 'image')}, best "
        f"{labels[best.index]} with {share(best.accuracy)} of {count(best.images, 'image')}."
    )
    return AccuracyFigure(bars, tuple(spread), (shows, says) if len(seen) > 1 else (shows,))


def _bar(row: ClassRow, labels: Sequence[str]) -> Bar:
    low, high = wilson_interval(row.correct, row.images)
    return Bar(labels[row.index], row.correct / row.images, low, high, row.correct, row.images)


def confusion_figure(measured: ValidationMetrics, labels: Sequence[str]) -> ConfusionFigure:
    mistakes = sorted(
        ((many, target, predicted) for (target, predicted), many in measured.confusion.items() if target != predicted),
        key=lambda each: (-each[0], each[1:]),
    )
    images = [row.images for row in measured.classes]
    pairs = tuple(
        Pair(labels[target], labels[predicted], many, many / images[target])
        for many, target, predicted in mistakes[:_MOST_PAIRS]
    )
    chosen = _involved(mistakes, [row.index for row in measured.classes if row.images or row.predicted])
    matrix = measured.confusion_matrix(chosen)
    cells = tuple(
        Cell(labels[target], labels[predicted], int(matrix[i, j]), matrix[i, j] / images[target], target == predicted)
        for i, target in enumerate(chosen)
        for j, predicted in enumerate(chosen)
        if matrix[i, j]
    )
    is_all = len(chosen) == sum(1 for row in measured.classes if row.images or row.predicted)
    shows = "Each row is a class, each column what it was taken for; the stronger, the larger the share of the row. "
    shows += "Blue is right, orange wrong."
    if not is_all:
        shows += f" Shown are the {len(chosen)} classes with the most frequent confusions; confusion.csv has all."
    says = "Nothing was confused."
    if pairs:
        first = [f"{pair.target} taken for {pair.predicted} ({count(pair.images, 'image')})" for pair in pairs[:3]]
        says = f"Most often: {listing(first)}."
    return ConfusionFigure(tuple(labels[index] for index in chosen), cells, pairs, (shows, says))


def _involved(mistakes: Sequence[tuple[int, int, int]], present: Sequence[int]) -> list[int]:
    """All classes that occur, or if these are many those of the most common confusions, in the order of the outputs."""
    if len(present) <= _MOST_CLASSES:
        return list(present)
    chosen: dict[int, None] = {}
    for _, target, predicted in mistakes:
        if len(chosen.keys() | {target, predicted}) > _MOST_CLASSES:
            break
        chosen |= {target: None, predicted: None}
    return sorted(chosen or list(present)[:_MOST_CLASSES])


def calibration_figure(measured: ValidationMetrics) -> CalibrationFigure:
    error, gap = measured.calibration_error, measured.confidence - measured.top1
    shows = (
        "Above, how often the network is right at each confidence, the probability that it gives its answer: on the "
        "line both are the same; large points stand for many images. Below, how many images have that confidence."
    )
    if abs(gap) < 0.01:
        leans = "it is neither too sure of itself nor too unsure on the whole"
    elif gap > 0:
        leans = f"on the whole it is too sure of itself, by {100 * gap:.1f} points"
    else:
        leans = f"on the whole it is too unsure of itself, by {-100 * gap:.1f} points"
    says = (
        f"The expected calibration error is {100 * error:.2f} points ({len(measured.reliability)} equal bins); the "
        f"mean confidence is {share(measured.confidence)} and the accuracy {share(measured.top1)}: {leans}."
    )
    return CalibrationFigure(measured.reliability, (shows, says))
