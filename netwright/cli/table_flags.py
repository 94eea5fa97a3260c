"""The flags of tables, the same in every command that reads one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser
    from netwright.report import PopulationView

__all__ = ["add_table_flags", "read_with_flags"]


def add_table_flags(parser: CommandParser) -> None:
    """Add the flags that say what the columns of a table are."""
    parser.add_argument("--error", metavar="COLUMN", help="error column of a table (default: found by its name)")


def read_with_flags(ref: str | Path, options: Namespace) -> PopulationView:
    """Read a run folder or a table as these flags say."""
    from netwright.analysis.reading import read

    return read(ref, error=options.error)
