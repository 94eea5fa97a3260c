"""An export as one HTML page that needs nothing else: before and after, what was checked, and how it was made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from netwright.arch import complexity
from netwright.exports.charts import SOURCE, charts_of
from netwright.exports.check import LIMITS
from netwright.exports.exported import Accuracy, Exported, Speed
from netwright.report.document import Section, document, facts_html, lead, picture, tiles
from netwright.report.tables import table
from netwright.report.words import count, p_value
from netwright.system.atomic import write_bytes, write_text
from netwright.system.machine import hardware

__all__ = ["write_report"]

_FORMATS = ("png", "svg")
_PNG_SCALE = 2.0
_WHAT, _ELSEWHERE = "the export's report", "another --report"


def write_report(exported: Exported, path: Path, *, command: str = "") -> Path:
    """Write the page, and its pictures to the folder `figures` beside it; return its path. Raises OutputError."""
    import vl_convert

    prefix = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem)  # several pages may lie in a folder
    specs = {f"{prefix}-{name}": spec for name, spec in charts_of(exported).items()}
    with ThreadPoolExecutor(1) as pool:  # the script takes seconds of another core to put together
        bundle = pool.submit(vl_convert.javascript_bundle, "window.vegaEmbed = vegaEmbed;")
        for name, spec in specs.items():
            svg = vl_convert.vegalite_to_svg(spec)
            png = vl_convert.svg_to_png(svg, scale=_PNG_SCALE)
            write_text(path.parent / "figures" / f"{name}.svg", svg, what=_WHAT, elsewhere=_ELSEWHERE)
            write_bytes(path.parent / "figures" / f"{name}.png", png, what=_WHAT, elsewhere=_ELSEWHERE)
        info = exported.info
        title = f"{info.name} for {_library(exported)} in {info.precision}"
        parts = [_summary(exported), _size(exported, prefix), *_accuracy(exported, prefix), *_speed(exported, prefix)]
        parts += [_checks(exported), Section("facts", "How it was made", facts_html(_facts(exported, command)))]
        page = document(title, f"beside the network in {SOURCE}", parts, specs, bundle.result())
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
        f"{exported.path.name} computes what the network computes: on {exported.checked} the same class is first in "
        f"{found.agreement:.1%}, and logits differ by {found.difference:.2g} of their spread. An export that differs "
        "more than its precision explains is not written."
    ]
    if accuracy is not None:
        sentences.append(_verdict(accuracy))
    return Section("summary", "The result", f'{tiles(figures)}<div class="lead">{lead(sentences)}</div>')


def _verdict(accuracy: Accuracy) -> str:
    low, high = accuracy.pairs.interval()
    told = "differs" if low > 0 or high < 0 else "is not shown to differ"
    return (
        f"On {count(accuracy.images, 'image')} its accuracy {told} from the network's: "
        f"{_points(accuracy.pairs.difference)} points of top-1, with a 95% interval from {_points(low)} to "
        f"{_points(high)}."
    )


def _section(name: str, title: str, prefix: str, sentences: list[str], after: str = "") -> Section:
    drawn = picture(f"{prefix}-{name}", title, sentences, _FORMATS)
    return Section(name, title, f'<div class="lead">{lead(sentences)}</div>{drawn}{after}')


def _size(exported: Exported, prefix: str) -> Section:
    files = " and ".join(each.name for each in exported.files)
    said = f"The weights of the network in fp32, and {files}, which {'has' if len(exported.files) == 1 else 'have'} all"
    return _section("size", "Size", prefix, [f"{said} that using it takes."])


def _accuracy(exported: Exported, prefix: str) -> list[Section]:
    accuracy = exported.accuracy
    if accuracy is None:
        return []
    pairs = accuracy.pairs
    is_right, is_wrong = (pairs.both, pairs.only_source), (pairs.only_exported, pairs.neither)
    together = (pairs.both + pairs.only_exported, pairs.only_source + pairs.neither)
    lines = (("the network is right", is_right), ("the network is wrong", is_wrong), ("together", together))
    rows = [(name, *(f"{each:,}" for each in (*counts, sum(counts)))) for name, counts in lines]
    heads = (accuracy.said, "the export is right", "the export is wrong", "together")
    counted = table(heads, rows, "Images by the two answers to each", "numbers")
    sentences = [
        f"Top-1 of the network is {accuracy.source:.2%} and of the export {accuracy.exported:.2%}. The point is the "
        "difference, the line its 95% interval (Tango's for paired shares): both answered the same images, so that "
        "only those count on which they differ.",
        f"The network alone is right on {count(pairs.only_source, 'image')}, the export alone on "
        f"{pairs.only_exported:,}; chance splits them so unevenly with {p_value(pairs.p_value())} (McNemar's exact "
        "test).",
    ]
    return [_section("accuracy", "Accuracy", prefix, sentences, counted)]


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
    said = (
        f"Bars are medians of {turns} turns, points the turns, which alternated on one machine with images in memory: "
        "without decoding, and with what else the machine did. torch ran the network with batch norm folded."
    )
    return [_section("speed", "Speed", prefix, [said, *warnings], table(heads, rows, "", "numbers"))]


def _checks(exported: Exported) -> Section:
    limit = LIMITS[exported.info.precision]
    heads = ("compared on", "images", "difference of logits", "largest", "same class first")
    rows = [
        (
            each.said,
            f"{each.agreement.images:,}",
            f"{each.agreement.difference:.2g} (at most {limit.difference:g})",
            f"{each.agreement.largest:.2g}",
            f"{each.agreement.agreement:.1%} (at least {limit.agreement:.0%})",
        )
        for each in exported.checks
    ]
    sentences = [
        "The file was opened again and asked beside the network before it was put in its place. Differences are root "
        "mean squares in standard deviations of the network's logits; in brackets what this precision is allowed.",
    ]
    if exported.info.precision == "int8":
        sentences.append("The last images are ones that calibration did not see.")
    return Section("checks", "What was checked", f'<div class="lead">{lead(sentences)}</div>{table(heads, rows)}')


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
        "made with": dict(info.made),
        "machine": hardware(),
    }
    return {name: group for name, group in groups.items() if group}
