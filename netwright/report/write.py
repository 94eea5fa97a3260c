"""Write a report: the page, and each chart as PNG, SVG and PDF beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from netwright.errors import OutputError
from netwright.report.data import ReportData, with_distinct_names
from netwright.report.page import page
from netwright.report.sections import SECTIONS, figures_of, specs_of
from netwright.system.atomic import explain_errors, write_bytes, write_text
from netwright.theme import Spec

__all__ = ["FORMATS", "render_figures", "write_report"]

FORMATS = ("png", "svg", "pdf")
_PNG_SCALE = 2.0
_ELSEWHERE = "another --out"


def write_report(data: ReportData, folder: Path, formats: Sequence[str] = FORMATS) -> Path:
    """See `netwright.report.write_report`."""
    import vl_convert

    _prepare(folder, formats)
    data = with_distinct_names(data)
    figures = figures_of(data)
    with ThreadPoolExecutor(1) as pool:  # making the script takes seconds on another core
        bundle = pool.submit(vl_convert.javascript_bundle, "window.vegaEmbed = vegaEmbed;")
        specs = specs_of(figures)
        _write_charts(specs, folder / "figures", formats)
        _remove(folder / "figures", SECTIONS.keys() - specs.keys())
        html = page(data, figures, specs, bundle.result(), formats)
    path = folder / "report.html"
    # last: its presence means that the report is complete; a path in its facts may not be valid Unicode
    write_text(path, html, what="the report", elsewhere=_ELSEWHERE)
    return path


def render_figures(data: ReportData, folder: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """See `netwright.report.render_figures`."""
    _prepare(folder, formats)
    return _write_charts(specs_of(figures_of(with_distinct_names(data))), folder, formats)


def _prepare(folder: Path, formats: Sequence[str]) -> None:
    """Find out before the work what would fail after it."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise OutputError(f"a chart's format is one of {', '.join(FORMATS)}, not {unknown[0]!r}. Choose among these.")
    with explain_errors(folder, what="the report", elsewhere=_ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)


def _write_charts(specs: Mapping[str, Spec], folder: Path, formats: Sequence[str]) -> list[Path]:
    if not formats:
        return []
    import vl_convert

    encode: dict[str, Any] = {
        "png": lambda svg: vl_convert.svg_to_png(svg, scale=_PNG_SCALE),
        "svg": str.encode,
        "pdf": vl_convert.svg_to_pdf,
    }
    written = []
    for name, spec in specs.items():
        svg = vl_convert.vegalite_to_svg(spec)  # the slow part, so once for all formats
        for kind in formats:
            path = folder / f"{name}.{kind}"
            write_bytes(path, encode[kind](svg), what="a chart of the report", elsewhere=_ELSEWHERE)
            written.append(path)
    return written


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Remove the charts of an earlier report that this one has no data for."""
    for name in names:
        for kind in FORMATS:
            (folder / f"{name}.{kind}").unlink(missing_ok=True)
