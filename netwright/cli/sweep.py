"""Train a population of a design space: sample it, train every network briefly, keep all of it in one file.

The folder --out then holds population.sqlite, which `netwright analyze` and `netwright compare` read. After an
interruption the same command continues where it was; with more --trials it adds to the population.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.cli.options import add_design_options, add_options, design_options

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.workflow.config import SWEEP_TRIALS, DesignConfig

    parser.add_argument("space", metavar="NAME|FILE", help="design space")
    add_options(parser, DesignConfig, ("out",), required=("out",))
    add_design_options(parser, defaults={"trials": SWEEP_TRIALS})


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.workflow import sweep

    counts = sweep(**design_options(options), command=command)
    print(f"{counts['done']} trials done, {counts['failed']} failed: {options.out}")
    print(f"netwright analyze {options.out}")
    return 0 if counts["done"] else 1
