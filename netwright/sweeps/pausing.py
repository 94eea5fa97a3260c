"""What a running sweep is told from outside: to pause, to go on, to stop. A file in its run folder says it."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netwright.errors import PopulationError
from netwright.population import FILE
from netwright.system.atomic import write_text

__all__ = [
    "CONTROL_FILE",
    "PAUSED",
    "RUNNING",
    "STOPPED",
    "begin_anew",
    "control",
    "may_begin",
    "state_of",
    "wait_while_paused",
    "watched",
]

_LOG = logging.getLogger(__name__)

CONTROL_FILE = "sweep-control.json"
_STUDY = "study.json"  # of a study, whose populations are in folders of its own
RUNNING, PAUSED, STOPPED = "running", "paused", "stopped"
_LOOK_SECONDS = 0.5  # between two looks at the file


def control(folder: str | Path, state: str) -> None:
    """Tell the sweeps that run on a folder what to do.

    Args:
        folder: A run folder, or that of a study.
        state: "paused": what is trained is finished, and nothing begins. "running": go on. "stopped": end at once, as
            by Ctrl-C; what was being trained waits.

    Raises:
        PopulationError: There is no population.
        OutputError: The folder cannot be written.
    """
    folder = Path(folder)
    if not any((folder / name).is_file() for name in (FILE, _STUDY)):
        raise PopulationError(f"there is no population in {folder}. Give the folder of a sweep or a study.")
    if state == RUNNING:
        (folder / CONTROL_FILE).unlink(missing_ok=True)
        return
    text = json.dumps({"state": state, "since": time.time()}) + "\n"
    write_text(folder / CONTROL_FILE, text, what="what the sweep is told", elsewhere="another folder")


def begin_anew(folder: Path) -> None:
    """A sweep begins: what stopped an earlier one means it no more."""
    if state_of(folder) == STOPPED:
        with suppress(OSError):
            (folder / CONTROL_FILE).unlink()


def state_of(folder: Path) -> str:
    """ "running", "paused" or "stopped"."""
    with suppress(OSError, ValueError, AttributeError):
        state = json.loads((folder / CONTROL_FILE).read_text(encoding="utf-8")).get("state")
        return state if state in (PAUSED, STOPPED) else RUNNING
    return RUNNING


def may_begin(folder: Path) -> bool:
    """Whether a trial may begin now: the sweep is not paused. KeyboardInterrupt where it is stopped."""
    state = state_of(folder)
    if state == STOPPED:
        raise KeyboardInterrupt
    return state == RUNNING


def wait_while_paused(folder: Path) -> None:
    """Wait until a paused sweep is told something else; once it is said how it goes on."""
    if state_of(folder) == PAUSED:
        _LOG.info("paused: `netwright sweep --resume %s` lets it go on", folder)
    while state_of(folder) == PAUSED:
        time.sleep(_LOOK_SECONDS)


@contextmanager
def watched(folder: Path, wake: Callable[[], None], every: float | None = None) -> Iterator[None]:
    """While the block runs, `wake` is called from a thread whenever the sweep is told something else.

    Args:
        folder: Of the run.
        wake: Called.
        every: Seconds after which it is called in any case; None for never.
    """
    over = threading.Event()

    def watch() -> None:
        known = state_of(folder)
        while not over.wait(min(_LOOK_SECONDS, every or _LOOK_SECONDS)):
            if every is not None or state_of(folder) != known:
                known = state_of(folder)
                wake()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
