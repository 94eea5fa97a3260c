"""What a population shows: its error distribution, the good range of each parameter, and a report.

Takes a run folder, or any table with a row for each network: .csv, .tsv, .parquet, .jsonl, an SQLite file of Optuna
(study.db, with #NAME for one of several studies), pycls's sweep.json. Prints the figures, and how a table was
understood; with --out it also writes report.html, and each chart as PNG, SVG and PDF. Networks that failed count: they
are behind all others, with an error of 100%.

Each parameter is tested alone; from 32 networks on, a random forest tells what each explains, and what two explain only
together (functional ANOVA), beside what chance alone would give. Of a sweep with --repeats it also tells how much of
the spread of errors comes from seeds.
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
    parser.add_argument("population", metavar="RUN|TABLE", help="a run folder or a table")
    add_table_flags(parser)
    parser.add_argument("--survivors", action="store_true", help="leave out networks that failed: the conditional view")
    parser.add_argument(
        "--sequential", action="store_true", help="what stays valid for somebody who looks after every trial"
    )
    parser.add_argument(
        "--most", type=int, metavar="N", help="with --sequential: networks that were planned before the first look"
    )
    parser.add_argument("--out", metavar="DIR", help="folder for a report")
    parser.add_argument("--seed", type=int, default=0, help="of the tests (default: %(default)s)")


def run(options: Namespace, command: str) -> int:
    """Print the summary, and write a report where one is wanted."""
    from netwright.analysis import summary

    check_looks(options)
    population = read_with_flags(options.population, options)
    analysis = summary.analyze(population, seed=options.seed, survivors=options.survivors, interactions=True)
    print(summary.summary_text(analysis, sequential=options.sequential, most=options.most))
    print_notices(population)
    if options.out is not None:
        print(f"report: {summary.report([analysis], Path(options.out), command)}")
    return 0
