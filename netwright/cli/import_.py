"""Make a population of a table that others wrote, which every command then takes.

SOURCE is .csv, .tsv, .parquet, .json (a list of rows, or a mapping from the name of each network to what is known of
it), .jsonl, pycls's sweep.json, an SQLite storage of Optuna (study.db#NAME), or a table that was exported from W&B or
Ray Tune, also with a row for each step of each run. Prints how it was understood, and keeps that with the population:
the source and its hash, the column of errors, what was dropped and why. Curves are kept. Where columns define one of
our networks (depth, w0, wa, wm, ...; or d1, d2, ..., w1, w2, ...), the networks are made.

  netwright import runs.csv --out runs/theirs --accuracy val_acc
  netwright import study.db#resnets --out runs/theirs
  netwright import sweep.json --out runs/theirs --space regnetx
  netwright analyze runs/theirs                     and compare, refine --space, copy, as of a sweep
  netwright copy runs/theirs back.parquet           and back: .csv, .parquet, .jsonl, sqlite:///study.db
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.cli.next_commands import print_next, words
from netwright.cli.table_flags import names

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    parser.add_argument("source", metavar="SOURCE", help="a table, or a storage of Optuna")
    parser.add_argument("--out", metavar="DIR", required=True, help="a folder for the population")
    parser.add_argument("--error", metavar="COLUMN", help="the column of errors (default: found by its name)")
    parser.add_argument("--accuracy", metavar="COLUMN", help="the column of accuracies instead: higher is better")
    parser.add_argument(
        "--unit", choices=("percent", "fraction"), help="of this column (default: fractions, where all are in 0 to 1)"
    )
    parser.add_argument(
        "--parameters", metavar="A,B", type=names, help="the columns that are parameters (default: found)"
    )
    parser.add_argument("--ignore", metavar="C,D", type=names, default=(), help="columns that are no parameters")
    parser.add_argument("--space", metavar="NAME|FILE", help="what the networks were sampled from, where it is known")
    parser.add_argument(
        "--networks",
        choices=("auto", "none"),
        default="auto",
        help="make the networks that columns define (default: %(default)s)",
    )


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.analysis.importing import import_population

    with import_population(
        options.source,
        options.out,
        error=options.error,
        accuracy=options.accuracy,
        unit=options.unit,
        parameters=options.parameters,
        ignore=options.ignore,
        space=options.space,
        networks=options.networks == "auto",
        command=command,
    ) as population:
        note, counts = population.notes["import"], population.counts()
    for notice in note["notices"]:
        print(f"{note['name']}: {notice}")
    for why, many in note["dropped"].items():
        print(f"{note['name']}: {many} rows dropped: {why}.")
    states = ", ".join(f"{many} {state}" for state, many in counts.items() if many)
    has = [f"parameters {', '.join(note['parameters'])}" if note["parameters"] else "no parameters"]
    has += [f"{note[what]} {what}" for what in ("networks", "curves") if note[what]]
    print(f"{states}; errors from {note['column']}, {', '.join(has)}: {options.out}")
    print_next(
        ("analyze", words(options.out), "what it shows"),
        ("copy", words(options.out, "table.csv"), "and back, as a table"),
    )
    return 0
