"""Test whether two populations differ: is B better than A?

Takes two run folders or tables, as `netwright analyze` does. Prints both distributions, a two-sample
Kolmogorov-Smirnov test, a permutation test of the means, and the effect size; with --out it also writes a report.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.table_flags import add_table_flags, print_notices, read_with_flags

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("a", metavar="A", help="a run folder or a table")
    parser.add_argument("b", metavar="B", help="another one")
    add_table_flags(parser)
    parser.add_argument("--out", metavar="DIR", help="folder for a report")
    parser.add_argument("--seed", type=int, default=0, help="of the tests (default: %(default)s)")


def run(options: Namespace, command: str) -> int:
    """Print the comparison, and write a report where one is wanted."""
    from netwright.analysis import summary

    both = [summary.analyze(read_with_flags(ref, options), seed=options.seed) for ref in (options.a, options.b)]
    print(summary.comparison_text(*both, seed=options.seed))
    print_notices(*(analysis.view for analysis in both))
    if options.out is not None:
        print(f"report: {summary.report(both, Path(options.out), command, seed=options.seed)}")
    return 0
