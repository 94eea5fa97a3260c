"""The flags of tables, the same in every command that reads one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser
    from netwright.report import PopulationView

__all__ = ["add_table_flags", "check_looks", "names", "print_notices", "read_with_flags"]


def add_table_flags(parser: CommandParser) -> None:
    """Add the flags that say what the columns of a table are."""
    parser.add_argument("--error", metavar="COLUMN", help="error column of a table (default: found by its name)")
    parser.add_argument(
        "--maximize", action="store_true", help="this column is an accuracy or a score: higher is better"
    )
    parser.add_argument(
        "--unit", choices=("percent", "fraction"), help="of this column (default: fractions, where all are in 0 to 1)"
    )
    parser.add_argument(
        "--parameters", metavar="A,B", type=names, help="the columns that are parameters (default: found)"
    )
    parser.add_argument("--ignore", metavar="C,D", type=names, default=(), help="columns that are no parameters")
    parser.add_argument(
        "--where", metavar="EXPRESSION", default="", help="only these networks: 'flops <= 400M and width_1 >= 64'"
    )


def read_with_flags(ref: str | Path, options: Namespace) -> PopulationView:
    """Read a run folder or a table as these flags say."""
    from netwright.analysis.reading import read
    from netwright.analysis.where import where

    found = read(
        ref,
        error=options.error,
        maximize=options.maximize or None,
        unit=options.unit,
        parameters=options.parameters,
        ignore=options.ignore,
    )
    return where(found, options.where)


def print_notices(*views: PopulationView) -> None:
    """How tables were understood, a line for each sentence."""
    for view in views:
        for notice in view.notices:
            print(f"{view.name}: {notice}")


def check_looks(options: Namespace) -> None:
    """Raise StatsError for --most without --sequential, before anything is read."""
    from netwright.errors import StatsError

    if options.most is not None and not options.sequential:
        raise StatsError("--most belongs to --sequential: add it.")


def names(text: str) -> tuple[str, ...]:
    """`a,b` as names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
