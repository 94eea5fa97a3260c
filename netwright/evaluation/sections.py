"""Sections for another report: accuracy of each class, what is confused, and the worst pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netwright.data.source import Pixels
from netwright.evaluation.charts import accuracy_chart, confusion_chart
from netwright.evaluation.figures import accuracy_figure, confusion_figure, guess_sentences, labels_of, share
from netwright.evaluation.metrics import ValidationMetrics
from netwright.evaluation.page import class_table, pairs_table, wrong_section
from netwright.report.data import Extra
from netwright.report.parts import ChartPart, Lead, Part, Section
from netwright.report.template import asset

__all__ = ["class_sections"]

_HOME = "netwright.evaluation"


def class_sections(
    measured: ValidationMetrics, about: str, pixels_of: Callable[[int], Pixels], formats: Sequence[str]
) -> Extra:
    """The sections, with the charts that they show and the style of their parts.

    Args:
        measured: The numbers.
        about: What was measured and on what, in sentences.
        pixels_of: A wrong image, by its index.
        formats: Of the charts that are files beside the page.
    """
    labels = labels_of(measured.class_names)
    accuracy, confusion = accuracy_figure(measured, labels), confusion_figure(measured, labels)
    result = f"{share(measured.top1)} of {measured.images:,} images are classified correctly."
    leads = {
        "accuracy": (about, result, *guess_sentences(measured, labels), *accuracy.sentences),
        "confusion": confusion.sentences,
    }
    titles = {"accuracy": "What it can tell apart, class by class", "confusion": "What it takes for what"}
    tables: dict[str, Sequence[Part]] = {
        "accuracy": [class_table(measured, labels)],
        "confusion": pairs_table(confusion),
    }
    sections = [
        Section(name, title, (Lead(leads[name]), ChartPart(name, title, leads[name], formats), *tables[name]))
        for name, title in titles.items()
    ]
    wrong = [(each, pixels_of(each.index)) for each in measured.wrong]
    sections.append(wrong_section(wrong, labels, measured.images - measured.correct()))
    specs = {"accuracy": accuracy_chart(accuracy), "confusion": confusion_chart(confusion)}
    return Extra(tuple(sections), specs, _HOME, asset("validation.css", _HOME))
