"""What a running sweep is told from the page: what `netwright sweep --pause`, `--resume` and `--stop` write.

A file in the run folder says it, so it does not matter who started the sweep, or on which machine.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from netwright.errors import NetwrightError
from netwright.studies.promises import PROMISES_FILE
from netwright.studio.commands import as_typed, shown_path
from netwright.studio.entries import Entry
from netwright.sweeps import control
from netwright.sweeps.pausing import PAUSED, RUNNING, STOPPED, state_of
from netwright.sweeps.shared import SharedSweep
from netwright.system.lock import holder

__all__ = ["control_command", "is_running", "now", "steer", "steered_folder"]

_TOLD = {"pause": PAUSED, "run": RUNNING, "stop": STOPPED}
_FLAGS = {"pause": "--pause", "run": "--resume", "stop": "--stop"}
_ABOVE = 2  # a study is at most so far above its populations


def steered_folder(entry: Entry) -> Path:
    """The folder whose control file counts: that of the study, for one of its populations."""
    above = [entry.folder, *entry.folder.parents][: _ABOVE + 1]
    return next((folder for folder in above if (folder / PROMISES_FILE).is_file()), entry.folder)


def now(entry: Entry) -> dict[str, Any]:
    """What is not in the file of a population: who works on it, and what they were told.

    Returns:
        `process` (here) or None, `told` ("running", "paused" or "stopped"), `is_shared`, and how many `workers` of a
        shared sweep have shown themselves of late, on any machine.
    """
    if entry.kind != "population":
        return {"process": None, "told": RUNNING, "is_shared": False, "workers": 0}
    shared = SharedSweep(entry.folder)
    return {
        "process": holder(entry.folder),
        "told": state_of(steered_folder(entry)),
        "is_shared": shared.is_there,
        "workers": _alive(shared) if shared.is_there else 0,
    }


def is_running(line: dict[str, Any]) -> bool:
    """Whether anybody trains a population, by what `now` found."""
    return bool(line["process"] or line["workers"])


def steer(entry: Entry, wish: str) -> str:
    """Tell the sweep of a population to pause, to go on ("run"), or to stop; returns the command that does the same.

    Raises:
        PopulationError: There is no population.
        OutputError: The folder cannot be written.
    """
    control(steered_folder(entry), _TOLD[wish])
    return control_command(entry, wish)


def control_command(entry: Entry, wish: str) -> str:
    """`netwright sweep --pause DIR`, or --resume, or --stop."""
    return as_typed(["netwright", "sweep", _FLAGS[wish], shown_path(steered_folder(entry))])


def _alive(shared: SharedSweep) -> int:
    """Workers whose file changed within the lease, by the clocks of the machines; a wrong clock hides a worker here."""
    try:
        lease = float(shared.facts()["lease"])
    except (NetwrightError, KeyError, TypeError, ValueError):
        return 0  # of another version, or just being removed
    alive = 0
    with suppress(OSError):
        for path in (shared.folder / "workers").iterdir():
            with suppress(OSError):
                alive += time.time() - path.stat().st_mtime < lease
    return alive
