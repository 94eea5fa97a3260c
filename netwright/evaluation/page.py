"""A validation as one HTML page that needs nothing else: charts, tables and the most wrong images inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from netwright.data.source import Pixels
from netwright.evaluation.figures import ConfusionFigure, share
from netwright.evaluation.metrics import ValidationMetrics, Wrong
from netwright.report.parts import Cell, ChartPart, Details, Facts, Lead, Part, Section, SortableTable, Table, Tiles
from netwright.report.picture import picture_of
from netwright.report.template import render_page
from netwright.theme import Spec

__all__ = [
    "class_table",
    "facts_section",
    "page",
    "pairs_table",
    "sections_of",
    "skipped_section",
    "wrong_section",
]

_MOST_SKIPPED = 200


@dataclass(frozen=True, slots=True)
class WrongImage:
    """A misclassified image: what the network predicted, what the label is, and the pixels as a data URL, or empty."""

    predicted: str
    label: str
    name: str
    source: str
    is_small: bool


@dataclass(frozen=True, slots=True)
class Gallery:
    """Images with what is wrong about them."""

    template: ClassVar[str] = "parts/gallery.html"
    images: Sequence[WrongImage]


def page(
    title: str, subtitle: str, sections: Sequence[Section], specs: Mapping[str, Spec], bundle: str, left_out: str = ""
) -> str:
    """The whole page as HTML.

    Args:
        title: Heading of the page.
        subtitle: Line below it.
        sections: In the order of the page.
        specs: Name -> specification of each chart.
        bundle: The script that draws charts.
        left_out: What the page does not show, as a note at its end.
    """
    return render_page(
        title,
        subtitle,
        sections,
        specs,
        bundle,
        template="validation.html",
        package="netwright.evaluation",
        left_out=left_out,
    )


def sections_of(
    measured: ValidationMetrics,
    labels: Sequence[str],
    sentences: Mapping[str, Sequence[str]],
    confusion: ConfusionFigure,
    formats: Sequence[str],
) -> list[Section]:
    """The result, then a section for each chart.

    Args:
        measured: What was measured.
        labels: What a reader calls the classes.
        sentences: Of the section "summary" and of each chart.
        confusion: Data of the confusion chart.
        formats: Of the files of the charts.
    """
    titles = {
        "accuracy": "Accuracy of each class",
        "confusion": "What is taken for what",
        "calibration": "How far its probabilities can be trusted",
    }
    tables: dict[str, list[Part]] = {"accuracy": [class_table(measured, labels)], "confusion": pairs_table(confusion)}
    summary = Section("summary", "The result", (_tiles(measured), Lead(sentences["summary"])))
    charts = [
        Section(
            name,
            title,
            (Lead(sentences[name]), ChartPart(name, title, sentences[name], formats), *tables.get(name, ())),
        )
        for name, title in titles.items()
    ]
    return [summary, *charts]


def _tiles(measured: ValidationMetrics) -> Tiles:
    return Tiles(
        (
            ("top-1 accuracy", share(measured.top1)),
            ("by guessing", share(measured.guess)),
            ("balanced accuracy", share(measured.balanced) if measured.is_uneven else ""),
            ("top-5 accuracy", share(measured.shown_top5)),
            ("loss", f"{measured.loss:.4f}"),
            ("calibration error", share(measured.calibration_error)),
            ("images", f"{measured.images:,}"),
            ("images/s", f"{measured.images_per_second:,.0f}"),
        )
    )


def pairs_table(confusion: ConfusionFigure) -> list[Part]:
    """The most common confusions; nothing where nothing was confused."""
    if not confusion.pairs:
        return []
    rows = [(pair.target, pair.predicted, f"{pair.images:,}", share(pair.share)) for pair in confusion.pairs]
    return [Table(("class", "taken for", "images", "of the class"), rows, "The most common confusions")]


def class_table(measured: ValidationMetrics, labels: Sequence[str]) -> Details:
    """All classes, folded away."""
    heads = ("class", "images", "correct", "accuracy", "taken for it", "precision", "most often taken for")
    rows = []
    for row in measured.classes:
        other = "" if row.confused_with is None else f"{labels[row.confused_with]} ({row.confused:,})"
        rows.append(
            (
                Cell.of(labels[row.index], labels[row.index]),
                Cell.of(f"{row.images:,}", row.images),
                Cell.of(f"{row.correct:,}", row.correct),
                Cell.of(share(row.accuracy), row.accuracy),
                Cell.of(f"{row.predicted:,}", row.predicted),
                Cell.of(share(row.precision), row.precision),
                Cell.of(other, other),
            )
        )
    return Details(f"All {len(rows):,} classes", SortableTable(heads, rows))


def wrong_section(wrong: Sequence[tuple[Wrong, Pixels | None]], labels: Sequence[str], mistakes: int) -> Section:
    """The most confidently misclassified images, as the network sees them.

    Args:
        wrong: The images, each with its pixels, or None where it cannot be read again.
        labels: What a reader calls the classes.
        mistakes: Number of all misclassified images.
    """
    shown = f"The {len(wrong)} of {mistakes:,}" if len(wrong) < mistakes else "All"
    sentence = (
        f"{shown} misclassified images, the most confident mistake first, as the network sees them: what it predicts "
        "with its probability, and what the label is. Wrong labels and ambiguous images are often among them."
    )
    if not wrong:
        return Section("wrong", "The most wrong images", (Lead(["No image was misclassified."]),))
    gallery = Gallery([_wrong_image(each, pixels, labels) for each, pixels in wrong])
    return Section("wrong", "The most wrong images", (Lead([sentence]), gallery))


def _wrong_image(wrong: Wrong, pixels: Pixels | None, labels: Sequence[str]) -> WrongImage:
    _, source, is_small = ("", "", False) if pixels is None else picture_of(pixels, "")
    return WrongImage(
        predicted=f"{labels[wrong.predicted]}, {100 * wrong.probability:.1f}%",
        label=f"{labels[wrong.target]} (its guess no. {wrong.target_rank + 1:,})",
        name=wrong.name,
        source=source,
        is_small=is_small,
    )


def skipped_section(measured: ValidationMetrics) -> Section:
    """The images that could not be read."""
    rows = [(bad.name, bad.reason) for bad in measured.skipped[:_MOST_SKIPPED]]
    more = len(measured.skipped) - len(rows)
    caption = f"{more:,} more are in metrics.json." if more > 0 else ""
    return Section("skipped", "Images that could not be read", (Table(("image", "reason"), rows, caption),))


def facts_section(facts: Mapping[str, Mapping[str, str]]) -> Section:
    """How it was measured."""
    return Section("facts", "How this was measured", (Facts(facts),))
