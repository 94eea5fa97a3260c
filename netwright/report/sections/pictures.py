"""A few images as the network sees them, so that a mistake in their preparation is seen before anything is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from netwright.report.data import ReportData
from netwright.report.parts import Lead, Section
from netwright.report.picture import Picture

__all__ = ["PicturesPart", "pictures_sections"]


@dataclass(frozen=True, slots=True)
class PicturesPart:
    """A strip of pictures with their classes below."""

    template: ClassVar[str] = "parts/pictures.html"
    pictures: Sequence[Picture]


def pictures_sections(data: ReportData) -> list[Section]:
    """The section, which has no chart; none in a report of populations, whose images are not at hand."""
    if not data.pictures:
        return []
    return [Section("pictures", "What the networks see", (Lead(data.pictures_text), PicturesPart(data.pictures)))]
