"""Write a report: the page, and each chart as PNG, SVG and PDF beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from netwright.errors import OutputError
from netwright.report.charts import chart_script, write_charts
from netwright.report.data import ReportData, with_distinct_names
from netwright.report.page import page
from netwright.report.sections import SECTIONS, figures_of, specs_of
from netwright.report.tables import csv_download
from netwright.system.atomic import explain_errors, write_text
from netwright.system.run_folder import mark_run_folder

__all__ = ["FORMATS", "render_figures", "write_report"]

FORMATS = ("png", "svg", "pdf")
_CHART, _ELSEWHERE = "a chart of the report", "another --out"


def write_report(data: ReportData, folder: Path, formats: Sequence[str] = FORMATS) -> Path:
    """See `netwright.report.write_report`."""
    _prepare(folder, formats)
    data = with_distinct_names(data)
    figures = figures_of(data)
    with chart_script() as script:
        specs = {**specs_of(figures), **data.extra.specs}
        write_charts(specs, folder / "figures", formats, what=_CHART, elsewhere=_ELSEWHERE)
        _remove(folder / "figures", SECTIONS.keys() - specs.keys())
        csv = csv_download(data, folder, what="the table of the report", elsewhere=_ELSEWHERE)
        html = page(data, figures, specs, script.result(), formats, csv)
    path = folder / "report.html"
    # last: its presence means that the report is complete; a path in its facts may not be valid Unicode
    write_text(path, html, what="the report", elsewhere=_ELSEWHERE)
    return path


def render_figures(data: ReportData, folder: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """See `netwright.report.render_figures`."""
    _prepare(folder, formats)
    specs = specs_of(figures_of(with_distinct_names(data)))
    return write_charts(specs, folder, formats, what=_CHART, elsewhere=_ELSEWHERE)


def _prepare(folder: Path, formats: Sequence[str]) -> None:
    """Find out before the work what would fail after it."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise OutputError(f"a chart's format is one of {', '.join(FORMATS)}, not {unknown[0]!r}. Choose among these.")
    with explain_errors(folder, what="the report", elsewhere=_ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)
        mark_run_folder(folder)


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Remove the charts of an earlier report that this one has no data for."""
    for name in names:
        for kind in FORMATS:
            (folder / f"{name}.{kind}").unlink(missing_ok=True)
