"""Write a validation's folder: the page, its pictures as files, and the numbers as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from netwright.data.classes import descriptions
from netwright.data.source import Pixels
from netwright.errors import DataError
from netwright.evaluation.charts import accuracy_chart, calibration_chart, confusion_chart
from netwright.evaluation.figures import accuracy_figure, calibration_figure, confusion_figure, labels_of, summary
from netwright.evaluation.measured import Measured, Wrong
from netwright.evaluation.page import facts_section, page, sections_of, skipped_section, wrong_section
from netwright.system.atomic import write_bytes, write_text
from netwright.theme import Spec

__all__ = ["FORMAT", "write_report"]

FORMAT = 1  # of metrics.json
_FORMATS = ("png", "svg")
_PNG_SCALE = 2.0
_WHAT, _ELSEWHERE = "the validation report", "another --out"


def write_report(
    measured: Measured,
    folder: Path,
    *,
    title: str,
    subtitle: str,
    facts: Mapping[str, Mapping[str, str]],
    pixels_of: Callable[[int], Pixels],
) -> Path:
    """Write report.html, metrics.json, per_class.csv, confusion.csv and figures/; return the page's path.

    facts: titled tables of what was measured and how. pixels_of: an image of the source as the network sees it, by
    its index; DataError or OSError where it cannot be read. Raises OutputError where the folder cannot be written.
    """
    import vl_convert

    _write_numbers(measured, folder, facts)
    with ThreadPoolExecutor(1) as pool:  # the script takes seconds of another core to put together
        bundle = pool.submit(vl_convert.javascript_bundle, "window.vegaEmbed = vegaEmbed;")
        labels = labels_of(measured.class_names)
        accuracy, confusion = accuracy_figure(measured, labels), confusion_figure(measured, labels)
        calibration = calibration_figure(measured)
        specs = {
            "accuracy": accuracy_chart(accuracy),
            "confusion": confusion_chart(confusion),
            "calibration": calibration_chart(calibration),
        }
        _write_pictures(specs, folder / "figures")
        sentences = {
            "summary": summary(measured),
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
        document = page(title, subtitle, sections, specs, bundle.result())
    path = folder / "report.html"
    _write_text(path, document)  # last: its presence means the report is complete
    return path


def _pixels(wrong: Wrong, pixels_of: Callable[[int], Pixels]) -> Pixels | None:
    try:
        return pixels_of(wrong.index)
    except (DataError, OSError):  # it was there a moment ago; a page without it is still a page
        return None


def _write_numbers(measured: Measured, folder: Path, facts: Mapping[str, Mapping[str, str]]) -> None:
    said = descriptions(measured.class_names)
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
            said[row.index],
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


def _write_pictures(specs: Mapping[str, Spec], folder: Path) -> None:
    import vl_convert

    for name, spec in specs.items():
        svg = vl_convert.vegalite_to_svg(spec)  # laid out once: the slow part
        _write_text(folder / f"{name}.svg", svg)
        png = vl_convert.svg_to_png(svg, scale=_PNG_SCALE)
        write_bytes(folder / f"{name}.png", png, what=_WHAT, elsewhere=_ELSEWHERE)
