"""An export as one HTML page that needs nothing else: before and after, what was checked, and how it was made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netwright.arch import complexity
from netwright.exports.charts import SOURCE, charts_of
from netwright.exports.check import LIMITS
from netwright.exports.exported import Accuracy, Exported, Speed
from netwright.report.charts import chart_script, write_charts
from netwright.report.parts import ChartPart, Facts, Lead, Part, Section, Table, Tiles
from netwright.report.template import render_page
from netwright.report.text import count, p_value
from netwright.system.atomic import write_text
from netwright.system.machine import hardware

__all__ = ["write_export_report"]

_FORMATS = ("png", "svg")
_WHAT, _ELSEWHERE = "the export's report", "another --report"


def write_export_report(exported: Exported, path: Path, *, command: str = "") -> Path:
    """Write the page, and its pictures to the folder `figures` beside it; return its path. Raises OutputError."""
    prefix = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem)  # several pages may lie in a folder
    specs = {f"{prefix}-{name}": spec for name, spec in charts_of(exported).items()}
    with chart_script() as script:
        write_charts(specs, path.parent / "figures", _FORMATS, what=_WHAT, elsewhere=_ELSEWHERE)
        info = exported.info
        title = f"{info.name} for {_library(exported)} in {info.precision}"
        sections = [_summary(exported), _size(exported, prefix)]
        sections += [*_accuracy(exported, prefix), *_speed(exported, prefix), _checks(exported)]
        sections.append(Section("facts", "How it was made", (Facts(_facts(exported, command)),)))
        page = render_page(title, f"beside the network in {SOURCE}", sections, specs, script.result())
    # last: its presence means the report is complete
    write_text(path, page, what=_WHAT, elsewhere=_ELSEWHERE)
    return path


def _library(exported: Exported) -> str:
    return {".onnx": "ONNX Runtime", ".xml": "OpenVINO", ".pt2": "torch"}[exported.path.suffix]


def _points(value: float) -> str:
    return f"{100 * value:+.2f}".replace("-", "−")


def _times(speed: Speed) -> str:
    return f"{speed.exported / speed.source:.2f}×"


def _summary(exported: Exported) -> Section:
    accuracy, found = exported.accuracy, exported.agreement
    figures = [("of the size", f"{exported.size / exported.source_size:.0%}")]
    figures += [("points of top-1", _points(accuracy.pairs.difference) if accuracy else "")]
    figures += [
        (f"as fast at batch {each.batch}{', beside other programs' * bool(each.warning)}", _times(each))
        for each in exported.speed
    ]
    figures += [("same class first", f"{found.agreement:.1%}")]
    sentences = [
        f"{exported.path.name} computes what the network computes: on {exported.checked_on} the same class is first in "
        f"{found.agreement:.1%}, and logits differ by {found.difference:.2g} of their standard deviation. An export "
        "that differs by more than its precision explains is not written."
    ]
    if accuracy is not None:
        sentences.append(_verdict(accuracy))
    return Section("summary", "The result", (Tiles(figures), Lead(sentences)))


def _verdict(accuracy: Accuracy) -> str:
    low, high = accuracy.pairs.interval()
    verdict = "differs" if low > 0 or high < 0 else "is not shown to differ"
    return (
        f"On {count(accuracy.images, 'image')} its accuracy {verdict} from the network's: "
        f"{_points(accuracy.pairs.difference)} points of top-1, with a 95% interval from {_points(low)} to "
        f"{_points(high)}."
    )


def _section(name: str, title: str, prefix: str, sentences: list[str], *more: Part) -> Section:
    chart = ChartPart(f"{prefix}-{name}", title, sentences, _FORMATS)
    return Section(name, title, (Lead(sentences), chart, *more))


def _size(exported: Exported, prefix: str) -> Section:
    files = " and ".join(each.name for each in exported.files)
    have = "has" if len(exported.files) == 1 else "have"
    sentence = f"The weights of the network in fp32, and {files}, which {have} everything that is needed to use it."
    return _section("size", "Size", prefix, [sentence])


def _accuracy(exported: Exported, prefix: str) -> list[Section]:
    accuracy = exported.accuracy
    if accuracy is None:
        return []
    pairs = accuracy.pairs
    is_right, is_wrong = (pairs.both, pairs.only_source), (pairs.only_exported, pairs.neither)
    together = (pairs.both + pairs.only_exported, pairs.only_source + pairs.neither)
    lines = (("the network is right", is_right), ("the network is wrong", is_wrong), ("together", together))
    rows = [(name, *(f"{each:,}" for each in (*images, sum(images)))) for name, images in lines]
    heads = (accuracy.description, "the export is right", "the export is wrong", "together")
    counts = Table(heads, rows, "Images by the two answers to each", "numbers")
    sentences = [
        f"Top-1 of the network is {accuracy.source:.2%} and of the export {accuracy.exported:.2%}. The point is the "
        "difference, the line its 95% interval (Tango's for paired shares): both answered the same images, so only "
        "those on which they differ count.",
        f"The network alone is right on {count(pairs.only_source, 'image')}, the export alone on "
        f"{pairs.only_exported:,}; chance splits them so unevenly with {p_value(pairs.p_value())} (McNemar's exact "
        "test).",
    ]
    return [_section("accuracy", "Accuracy", prefix, sentences, counts)]


def _speed(exported: Exported, prefix: str) -> list[Section]:
    if not exported.speed:
        return []
    after = exported.info.precision
    heads = (
        "images at once",
        f"{SOURCE}, images/s",
        f"{after}, images/s",
        "ratio",
        f"turns of {SOURCE}",
        f"of {after}",
    )
    rows = [
        (
            *(f"{each.batch}", f"{each.source:,.1f}", f"{each.exported:,.1f}", f"{each.exported / each.source:.2f}"),
            *(f"{min(own):,.1f} to {max(own):,.1f}" for own in (each.source_turns, each.exported_turns)),
        )
        for each in exported.speed
    ]
    turns = len(exported.speed[0].source_turns)
    warnings = [f"{each.warning[:1].upper()}{each.warning[1:]}." for each in exported.speed if each.warning]
    sentence = (
        f"Bars are the medians of {turns} turns, points are the turns, which alternated on one machine with images in "
        "memory: decoding is not included, the load of other programs is. torch ran the network with batch norm folded."
    )
    return [_section("speed", "Speed", prefix, [sentence, *warnings], Table(heads, rows, "", "numbers"))]


def _checks(exported: Exported) -> Section:
    limit = LIMITS[exported.info.precision]
    heads = ("compared on", "images", "difference of logits", "largest", "same class first")
    rows = [
        (
            each.description,
            f"{each.agreement.images:,}",
            f"{each.agreement.difference:.2g} (at most {limit.difference:g})",
            f"{each.agreement.largest:.2g}",
            f"{each.agreement.agreement:.1%} (at least {limit.agreement:.0%})",
        )
        for each in exported.checks
    ]
    sentences = [
        "The file was opened again and compared with the network before it was put in its place. Differences are root "
        "mean squares in standard deviations of the network's logits; in brackets is what this precision may have.",
    ]
    if exported.info.precision == "int8":
        sentences.append("The last images are ones that calibration did not see.")
    return Section("checks", "What was checked", (Lead(sentences), Table(heads, rows)))


def _facts(exported: Exported, command: str) -> Mapping[str, Mapping[str, Any]]:
    info = exported.info
    cost = complexity(info.arch)
    groups: dict[str, dict[str, Any]] = {
        "command": {"": command} if command else {},
        "file": {
            **{"path" if i == 0 else "with": str(each) for i, each in enumerate(reversed(exported.files))},
            "input": f"({info.batch or 'N'}, {', '.join(map(str, info.input_shape))}) float32, normalized",
            "output": f"({info.batch or 'N'}, {info.arch.num_classes:,}) float32 logits",
            **({"opset": info.opset} if info.opset else {}),
        },
        "network": {
            "name": info.name,
            "version": info.version,
            "weights": info.source,
            "parameters": f"{int(cost.params[0]):,}",
            "flops": f"{int(cost.flops[0]):,} at {info.arch.resolution} pixels",
        },
        "made with": dict(info.versions),
        "machine": hardware(),
    }
    return {name: group for name, group in groups.items() if group}
