"""What the handlers of a studio share."""

from __future__ import annotations

from pathlib import Path

from netwright.studio.entries import Entries
from netwright.studio.events import Events
from netwright.studio.judging import Judge
from netwright.studio.library import Library
from netwright.studio.overview import Overview
from netwright.studio.settings import StudioSettings

__all__ = ["Studio"]


class Studio:
    """What the handlers share.

    Attributes:
        settings: Of this studio.
        entries: What there is to show.
        library: Populations that were read.
        overview: The list of them.
        judge: Tests and good ranges.
        events: What changes meanwhile.
        temporary: A folder for files that are dropped onto the page.
    """

    def __init__(self, settings: StudioSettings, temporary: Path) -> None:
        self.settings, self.temporary = settings, temporary
        self.entries = Entries(settings.folders)
        self.library = Library(self.entries)
        self.overview = Overview(self.library)
        self.judge = Judge()
        self.events = Events(self.entries, lambda: [])
