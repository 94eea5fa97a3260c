"""Train a population of a design space: sample it, train every network briefly, keep all of it in one file.

The folder --out then holds population.sqlite, which `netwright analyze` and `netwright compare` read. Interrupted, the
same command goes on where it was; with more --trials it adds to the population.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.cli.options import add_limits, add_training, config_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("space", metavar="NAME|FILE", help="design space")
    parser.add_argument("--out", required=True, metavar="DIR", help="where the population goes")
    add_limits(parser)
    add_training(parser, trials=100)


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.workflow import sweep

    counts = sweep(config_of(options, command, space=options.space))
    print(f"{counts['done']} trials done, {counts['failed']} failed: {options.out}")
    print(f"netwright analyze {options.out}")
    return 0 if counts["done"] else 1
