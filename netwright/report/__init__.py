"""One offline page, and its pictures as files, that tell what a population showed and what was picked from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.report.story import Contrast, Finalist, PopulationView, RangeLike, Story

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Contrast", "Finalist", "PopulationView", "RangeLike", "Story", "render_figures", "write_report"]


def write_report(story: Story, folder: Path, formats: Sequence[str] = ("png", "svg", "pdf")) -> Path:
    """See `netwright.report.write`, which is imported here so that this package is quick to import."""
    from netwright.report import write

    return write.write_report(story, folder, formats)


def render_figures(story: Story, folder: Path, formats: Sequence[str] = ("png", "svg", "pdf")) -> list[Path]:
    """See `netwright.report.write`."""
    from netwright.report import write

    return write.render_figures(story, folder, formats)
