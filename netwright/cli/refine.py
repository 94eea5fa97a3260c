"""Propose a narrower space from a trained population, with the evidence; nothing is trained.

Prints for each parameter what the space allows, what was drawn, where good networks lie, how sure it is that the
parameter matters, and whether it is narrowed. --out writes the refined space as the YAML file that `netwright sweep`
takes. A range that was read from one sample must hold on another: sweep it, and `netwright compare` both.

Of an AnyNet space it also looks at the step to RegNet: whether networks with a small e_fit, whose widths are nearly a
quantized linear function, are better than the others. Where they are, --family regnet --out FILE writes that space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.cli.options import add_options, truth
from netwright.cli.table_flags import add_table_flags, print_notices, read_with_flags

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]

_RULES = ("policy", "refine_from")


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.workflow.config import DesignConfig

    parser.add_argument("population", metavar="RUN|TABLE", help="a run folder, or a table with --space")
    add_options(parser, DesignConfig, _RULES)
    parser.add_argument("--out", metavar="FILE", help="a YAML file for the refined space")
    parser.add_argument(
        "--survivors",
        type=truth,
        nargs="?",
        const=True,
        default=False,
        metavar="true|false",
        help="leave out networks that failed, which count as the worst otherwise (default: false)",
    )
    parser.add_argument(
        "--family",
        choices=["regnet"],
        help="of an AnyNet space: step to RegNet instead of narrowing, if it is supported",
    )
    parser.add_argument("--space", metavar="NAME|FILE", help="of a table: what its networks were sampled from")
    add_table_flags(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the permutation tests (default: %(default)s)")


def run(options: Namespace, command: str) -> int:
    """Print the proposal, and write it where that is wanted."""
    from netwright.analysis.proposal import advice_text, refine
    from netwright.cli.options import options_given
    from netwright.workflow.config import DesignConfig

    given = {name: value for name, value in options_given(options, DesignConfig).items() if name in _RULES}
    named = ("out", "survivors", "space", "seed", "family")
    population = read_with_flags(options.population, options)
    advice = refine(population, **given, **{name: getattr(options, name) for name in named})
    print(advice_text(advice))
    print_notices(population)
    if options.out is not None:
        print(f"{advice.space.name}: {options.out}")
        print(f"netwright sweep {options.out} --out RUN")
    return 0
