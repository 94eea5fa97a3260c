"""Write the folder of a validation: the page, its charts as files, and the numbers as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from netwright.data.classes import descriptions
from netwright.data.source import Pixels
from netwright.errors import DataError
from netwright.evaluation.charts import accuracy_chart, calibration_chart, confusion_chart
from netwright.evaluation.figures import accuracy_figure, calibration_figure, confusion_figure, labels_of, summary
from netwright.evaluation.metrics import ValidationMetrics, Wrong
from netwright.evaluation.page import facts_section, page, sections_of, skipped_section, wrong_section
from netwright.report.charts import chart_script, write_charts
from netwright.system.atomic import explain_errors, write_text
from netwright.system.run_folder import mark_run_folder

__all__ = ["FORMAT", "write_validation_report"]

FORMAT = 1  # of metrics.json
_FORMATS = ("png", "svg")
_WHAT, _ELSEWHERE = "the validation report", "another --out"


def write_validation_report(
    measured: ValidationMetrics,
    folder: Path,
    *,
    title: str,
    subtitle: str,
    facts: Mapping[str, Mapping[str, str]],
    pixels_of: Callable[[int], Pixels],
) -> Path:
    """Write report.html, metrics.json, per_class.csv, confusion.csv and figures/.

    Args:
        measured: The numbers.
        folder: Where to write.
        title: Of the page.
        subtitle: Of the page.
        facts: Tables by title: what was measured, and how.
        pixels_of: An image of the source as the network sees it, by its index; DataError or OSError if it cannot be
            read.

    Returns:
        The path of the page.

    Raises:
        OutputError: If the folder cannot be written.
    """
    with explain_errors(folder, what=_WHAT, elsewhere=_ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)
    mark_run_folder(folder)
    _write_numbers(measured, folder, facts)
    with chart_script() as script:
        labels = labels_of(measured.class_names)
        accuracy, confusion = accuracy_figure(measured, labels), confusion_figure(measured, labels)
        calibration = calibration_figure(measured)
        specs = {
            "accuracy": accuracy_chart(accuracy),
            "confusion": confusion_chart(confusion),
            "calibration": calibration_chart(calibration),
        }
        write_charts(specs, folder / "figures", _FORMATS, what=_WHAT, elsewhere=_ELSEWHERE)
        sentences = {
            "summary": summary(measured, labels),
            "accuracy": accuracy.sentences,
            "confusion": confusion.sentences,
            "calibration": calibration.sentences,
        }
        sections = sections_of(measured, labels, sentences, confusion, _FORMATS)
        wrong = [(each, _pixels(each, pixels_of)) for each in measured.wrong]
        sections.append(wrong_section(wrong, labels, measured.images - measured.correct()))
        if measured.skipped:
            sections.append(skipped_section(measured))
        sections.append(facts_section(facts))
        document = page(title, subtitle, sections, specs, script.result())
    path = folder / "report.html"
    _write_text(path, document)  # last: its presence means the report is complete
    return path


def _pixels(wrong: Wrong, pixels_of: Callable[[int], Pixels]) -> Pixels | None:
    try:
        return pixels_of(wrong.index)
    except (DataError, OSError):  # it was there a moment ago; a page without it is still a page
        return None


def _write_numbers(measured: ValidationMetrics, folder: Path, facts: Mapping[str, Mapping[str, str]]) -> None:
    texts = descriptions(measured.class_names)
    content: dict[str, Any] = {"format": FORMAT, **measured.to_dict(), "facts": {k: dict(v) for k, v in facts.items()}}
    content["reliability"] = [
        {"low": b.low, "high": b.high, "images": b.images, "confidence": b.confidence, "accuracy": b.accuracy}
        for b in measured.reliability
    ]
    content["most_wrong"] = [
        {
            "name": each.name,
            "class": measured.class_names[each.target],
            "predicted": measured.class_names[each.predicted],
            "probability": each.probability,
            "rank": each.target_rank,
        }
        for each in measured.wrong
    ]
    _write_text(folder / "metrics.json", json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    heads = ["index", "class", "description", "images", "correct", "accuracy", "predicted", "precision"]
    rows = [
        [
            row.index,
            row.name,
            texts[row.index],
            row.images,
            row.correct,
            row.accuracy,
            row.predicted,
            row.precision,
            "" if row.confused_with is None else measured.class_names[row.confused_with],
            row.confused,
        ]
        for row in measured.classes
    ]
    _write_text(folder / "per_class.csv", _csv([*heads, "confused_with", "confused"], rows))
    names = measured.class_names
    pairs = [[names[target], names[predicted], many] for (target, predicted), many in measured.confusion.items()]
    _write_text(folder / "confusion.csv", _csv(["class", "predicted", "images"], pairs))


def _csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return buffer.getvalue()


def _write_text(path: Path, text: str) -> None:
    write_text(path, text, what=_WHAT, elsewhere=_ELSEWHERE)
