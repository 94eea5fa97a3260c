"""The command that does what a view shows, as a person types it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from netwright.studio.entries import Entry

__all__ = ["as_typed", "look_command", "shown_path"]


def as_typed(words: Sequence[str]) -> str:
    """Words as a line for a shell."""
    return shlex.join(words)


def shown_path(path: Path) -> str:
    """A path as it is typed where the studio was started."""
    try:
        return path.relative_to(Path.cwd()).as_posix() or "."
    except ValueError:
        return str(path)


def look_command(entries: Sequence[Entry]) -> str:
    """`netwright analyze RUN`, or `netwright compare RUN RUN` for several."""
    places = [shown_path(each.folder if each.kind == "population" else each.path) for each in entries]
    return as_typed(["netwright", "analyze" if len(places) == 1 else "compare", *places])
