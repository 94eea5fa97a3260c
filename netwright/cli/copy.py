"""Copy a population into a file of its own, while a sweep trains it too; also as a table, or as a study of Optuna.

RUN is a run folder or the file of a population. TARGET is a file that ends in .sqlite, .sqlite3 or .db, or a folder,
which then holds population.sqlite. The copy has every trial that is finished now; it is whole or not there, and
replaces nothing. It can be analyzed, compared, moved, and, in a folder, resumed. Other targets are a table with a row
for each trial (.csv, .parquet, .jsonl) and a study of Optuna (sqlite:///FILE#STUDY), which `netwright import` reads.
Trainings with other seeds (--repeats) are a list in the row of their trial, so that a row is a network.

  netwright copy runs/sweep snapshot.sqlite
  netwright copy runs/sweep trials.csv
  netwright copy runs/sweep sqlite:///study.db      and optuna-dashboard sqlite:///study.db
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """The words."""
    parser.add_argument("population", metavar="RUN", help="a run folder, or the file of a population")
    parser.add_argument("target", metavar="TARGET", help="a new file, a folder without a population, or sqlite:///FILE")


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.population import Population
    from netwright.population.studies import STUDY
    from netwright.population.tables import TABLES

    with Population.open(options.population) as population:
        path = population.copy_to(options.target)
        counts = population.counts()
    if path.suffix.lower() not in TABLES and not options.target.startswith(STUDY):
        with Population.open(path) as copy:  # a sweep may have finished more since
            counts = copy.counts()
    print(f"{', '.join(f'{many} {state}' for state, many in counts.items() if many)}: {path}")
    return 0
