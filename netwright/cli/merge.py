"""Make one population of several that were trained apart: on other machines, by other seeds, or as parts of one sample.

All are of one space, recipe, images and number of threads; else the differences are shown. A trial that several have
(the same network with the same seed) counts once. Each trial keeps what trained it: the column `session` of the
population, where several did.

  netwright merge runs/here runs/there --out runs/all
  netwright merge seed0 seed1 seed2 --out all            sweeps of one space with --seed 0, 1 and 2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """The words and flags."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help="run folders, or files of populations")
    parser.add_argument("--out", metavar="DIR", required=True, help="a folder without a population")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(options: Namespace, command: str) -> int:
    """Do it."""
    import json
    from dataclasses import asdict

    from netwright.population import merge

    found = merge(options.runs, options.out)
    if options.json:
        print(json.dumps(asdict(found) | {"folder": str(found.folder)}, indent=2))
        return 0
    states = ", ".join(f"{many} {state}" for state, many in found.counts.items() if many)
    print(f"{states}: {found.folder}")
    for notice in found.notices:
        print(notice)
    print(f"netwright analyze {found.folder}")
    return 0
