"""The command that does what a view shows, as a person types it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from netwright.studio.entries import Entry

__all__ = ["as_typed", "look_command", "place_of", "report_command", "shown_path", "spreadsheet_text", "words_of_run"]


def as_typed(words: Sequence[str]) -> str:
    """Words as a line for a shell."""
    return shlex.join(words)


def shown_path(path: Path) -> str:
    """A path as it is typed where the studio was started."""
    try:
        return path.relative_to(Path.cwd()).as_posix() or "."
    except ValueError:
        return str(path)


def place_of(entry: Entry) -> str:
    """What commands call it."""
    return shown_path(entry.folder if entry.kind != "table" else entry.path)


def spreadsheet_text(value: Any) -> Any:
    """A cell of a table; text that a spreadsheet would compute is marked as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def look_command(entries: Sequence[Entry], chosen: str = "") -> str:
    """`netwright analyze RUN`, or `netwright compare RUN RUN` for several; chosen: for --where."""
    places = [place_of(each) for each in entries]
    words = ["netwright", "analyze" if len(places) == 1 else "compare", *places]
    return as_typed([*words, "--where", chosen] if chosen else words)


def report_command(entries: Sequence[Entry]) -> str:
    """The command that writes a page with all charts, each also as a file."""
    return f"{look_command(entries)} --out report"


def words_of_run(run: Path) -> str:
    """The command of a training, from the head of its recipe; empty where it does not say."""
    try:
        with (run / "training.yaml").open(encoding="utf-8") as file:
            first = file.readline().strip()
    except OSError:
        return ""
    return first.removeprefix("# ") if first.startswith("# netwright ") else ""
