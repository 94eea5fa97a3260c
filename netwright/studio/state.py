"""What the handlers of a studio share."""

from __future__ import annotations

from pathlib import Path

from netwright.studio.entries import Entries
from netwright.studio.errors import StudioError
from netwright.studio.events import Events
from netwright.studio.jobs import Jobs
from netwright.studio.judging import Judge
from netwright.studio.overview import Overview
from netwright.studio.populations import Populations
from netwright.studio.settings import StudioSettings

__all__ = ["Studio"]


class Studio:
    """What the handlers share.

    Attributes:
        settings: Of this studio.
        entries: What there is to show.
        populations: Populations that were read.
        overview: The list of them.
        judge: Tests and good ranges.
        jobs: Programs that were started here.
        events: What changes meanwhile.
        temporary: A folder for files that are dropped onto the page.
    """

    def __init__(self, settings: StudioSettings, temporary: Path) -> None:
        self.settings, self.temporary = settings, temporary
        self.entries = Entries(settings.folders)
        self.populations = Populations(self.entries)
        self.jobs = Jobs(self.entries.home())
        self.overview = Overview(self.populations, self.jobs.all)
        self.judge = Judge()
        self.events = Events(self.entries, self.jobs.all)

    def require_work(self) -> None:
        """StudioError where nothing may be started or stopped."""
        if self.settings.look_only:
            raise StudioError(403, "this studio only shows what there is (--look_only). Copy the command.")

    def require_home(self) -> Path:
        """The folder that new runs go to. StudioError where the studio shows single runs."""
        home = self.entries.home()
        if home is None:
            raise StudioError(
                409, "nothing can be started here: the studio shows single runs. Start it on a folder, such as runs/."
            )
        return home

    def new_folder(self, name: str) -> Path:
        """Where a new run goes. StudioError where the studio shows single runs, or something of that name is there."""
        home = self.require_home()
        if (home / name).exists():
            raise StudioError(409, f"{name} is there already. Choose another name.")
        return home / name
