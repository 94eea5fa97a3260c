"""Draw the figures of the papers, of populations of your own.

Takes one or more run folders or tables, as `netwright analyze` does. --only names figures by their numbers in
"Designing Network Design Spaces": 4 (a space: error distribution, and each parameter with its good range), 5 and 7
(spaces side by side), 8 (widths near a line), 9 (with what a random search finds), 11 and 12 (trends over flops, errors
against costs), and buckets (errors in buckets of flops). Writes each chart as PNG, SVG and PDF, prints what it shows,
and what is established and what not.

  netwright figures runs/a --only 4,8 --out figures
  netwright figures runs/a runs/d --only 9 --format svg --out figures
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.table_flags import add_table_flags, names, print_notices, read_with_flags

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("populations", nargs="+", metavar="RUN|TABLE", help="run folders or tables")
    add_table_flags(parser)
    parser.add_argument("--only", type=names, default=(), metavar="N,N", help="figures, such as 4,9 (default: all)")
    parser.add_argument("--survivors", action="store_true", help="leave out networks that failed: the conditional view")
    parser.add_argument("--out", default="figures", metavar="DIR", help="folder (default: %(default)s)")
    parser.add_argument(
        "--format",
        type=names,
        default=("png", "svg", "pdf"),
        metavar="NAMES",
        help="of the files (default: png,svg,pdf)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the tests (default: %(default)s)")


def run(options: Namespace, command: str) -> int:
    """Draw, write and print."""
    from netwright.analysis.figures import figures
    from netwright.errors import OutputError
    from netwright.report.write import FORMATS

    for name in options.format:
        if name not in FORMATS:
            raise OutputError(f"a figure's format is one of {', '.join(FORMATS)}, not {name!r}. Choose among these.")
    views = [read_with_flags(ref, options) for ref in options.populations]
    found = figures(*views, only=options.only, survivors=options.survivors, seed=options.seed)
    found.write(Path(options.out), options.format)
    for name in found.specs:
        print(f"{Path(options.out) / name}.{{{','.join(options.format)}}}")
        for sentence in found.sentences[name]:
            print(textwrap.fill(sentence, 110, initial_indent="  ", subsequent_indent="  "))
    for name, reason in found.missing.items():
        print(f"not drawn: {name}: {reason}")
    print(found.summary)
    print_notices(*views)
    return 0 if found.specs else 1
