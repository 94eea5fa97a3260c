"""Test whether populations differ: is B better than A?

Takes two or more run folders or tables, as `netwright analyze` does. First lists in what their trainings differ, then
prints the distributions, two-sample Kolmogorov-Smirnov tests, permutation tests of the means, and effect sizes; of more
than two, each pair, with Holm's correction. With --out it also writes a report. Networks that failed count: they are
behind all others.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.table_flags import add_table_flags, check_looks, print_notices, read_with_flags

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("a", metavar="A", help="a run folder or a table")
    parser.add_argument("b", metavar="B", help="another one")
    parser.add_argument("more", metavar="C", nargs="*", default=[], help="more of them: each pair is compared")
    add_table_flags(parser)
    parser.add_argument("--survivors", action="store_true", help="leave out networks that failed: the conditional view")
    parser.add_argument(
        "--margin", type=float, metavar="X", help="points that do not matter: are the means closer than that (TOST)?"
    )
    parser.add_argument(
        "--sequential", action="store_true", help="what stays valid for somebody who looks after every trial"
    )
    parser.add_argument(
        "--most", type=int, metavar="N", help="with --sequential: networks of each, planned before the first look"
    )
    parser.add_argument("--out", metavar="DIR", help="folder for a report")
    parser.add_argument("--seed", type=int, default=0, help="of the tests (default: %(default)s)")


def run(options: Namespace, command: str) -> int:
    """Print the comparison, and write a report where one is wanted."""
    from netwright.analysis import summary
    from netwright.stats.sequential import check_margin

    check_margin(options.margin)
    check_looks(options)
    refs = (options.a, options.b, *options.more)
    analyses = [
        summary.analyze(read_with_flags(ref, options), seed=options.seed, survivors=options.survivors) for ref in refs
    ]
    text = summary.comparison_text(
        *analyses, seed=options.seed, margin=options.margin, sequential=options.sequential, most=options.most
    )
    print(text)
    print_notices(*(analysis.view for analysis in analyses))
    if options.out is not None:
        page = summary.report(analyses, Path(options.out), command, seed=options.seed, margin=options.margin)
        print(f"report: {page}")
    return 0
