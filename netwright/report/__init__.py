"""One offline page, and its charts as files: what a population shows, and what was picked from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.report.comparison import Comparison
from netwright.report.data import Finalist, RangeLike, ReportData
from netwright.report.provenance import Provenance
from netwright.report.view import PopulationView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "Comparison",
    "Finalist",
    "PopulationView",
    "Provenance",
    "RangeLike",
    "ReportData",
    "render_figures",
    "write_report",
]


def write_report(data: ReportData, folder: Path, formats: Sequence[str] = ("png", "svg", "pdf")) -> Path:
    """Write folder/report.html, replacing an earlier one, and folder/figures/NAME.FORMAT.

    Args:
        data: What the report is made from.
        folder: Created where it does not exist.
        formats: Of the charts: any of "png", "svg" and "pdf".

    Returns:
        The path of the page.

    Raises:
        OutputError: The folder cannot be written, or a format is unknown.
    """
    from netwright.report import write  # imported here, so that this package is quick to import

    return write.write_report(data, folder, formats)


def render_figures(data: ReportData, folder: Path, formats: Sequence[str] = ("png", "svg", "pdf")) -> list[Path]:
    """Write folder/NAME.FORMAT for every chart that there is data for.

    Args:
        data: What the charts are made from.
        folder: Created where it does not exist.
        formats: Any of "png", "svg" and "pdf".

    Returns:
        The paths of the files.

    Raises:
        OutputError: The folder cannot be written, or a format is unknown.
    """
    from netwright.report import write

    return write.render_figures(data, folder, formats)
