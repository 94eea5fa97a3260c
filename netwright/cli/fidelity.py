"""How well early epochs, or a cheaper population, rank networks: may a search stop early?

With one run folder or table, epochs are compared with the last one, by the stored curves; of a table these are columns
that count epochs: e1_accuracy, e2_accuracy, ... With two, the first population with the second one, by the
networks that both have. Prints Kendall's tau over all networks and within the best quarter, where a search needs it,
with bootstrap intervals, beside the tau of two trainings with other seeds, which nothing can be expected to exceed.

  netwright fidelity runs/x                          a few epochs of a sweep against its last one
  netwright fidelity runs/x --epochs 1,3,9 --to 30   these epochs against epoch 30
  netwright fidelity runs/short runs/long            10 epochs against 100 epochs of the same networks
  netwright fidelity curves.csv --out ranks.json     of a table, and the figures as JSON
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
    parser.add_argument("run", metavar="RUN|TABLE", help="a run folder or a table")
    parser.add_argument("other", metavar="RUN2", nargs="?", help="a population of the same networks that costs more")
    parser.add_argument(
        "--epochs",
        metavar="1,3,9",
        type=_epochs,
        default=(),
        help="of the first one (default: a few, from the first on)",
    )
    parser.add_argument("--to", metavar="EPOCH", type=int, help="compare with this epoch (default: the last)")
    parser.add_argument(
        "--fraction", metavar="SHARE", type=float, default=0.25, help="of networks that are best (default: %(default)s)"
    )
    add_table_flags(parser)
    parser.add_argument("--out", metavar="FILE", help="a .json file for the figures")
    parser.add_argument("--seed", type=int, default=0, help="of bootstraps and simulations (default: %(default)s)")


def run(options: Namespace, command: str) -> int:
    """Print the figures, and write them where that is wanted."""
    from netwright.analysis.fidelity import fidelity, fidelity_text

    _refuse_suffix(options.out)
    views = [read_with_flags(ref, options) for ref in (options.run, options.other) if ref is not None]
    found = fidelity(*views, epochs=options.epochs, to=options.to, fraction=options.fraction, seed=options.seed)
    print(fidelity_text(found))
    print_notices(*views)
    if options.out is not None:
        import json

        from netwright.system.atomic import write_text

        content = json.dumps({"command": command} | found.to_dict(), indent=2)
        write_text(Path(options.out), f"{content}\n", what="the figures", elsewhere="another --out")
        print(f"figures: {options.out}")
    return 0


def _refuse_suffix(out: str | None) -> None:
    from netwright.errors import OutputError

    if out is not None and not out.endswith(".json"):
        raise OutputError(f"the figures go to a file ending in .json, not {out!r}. Rename it.")


def _epochs(text: str) -> tuple[int, ...]:
    from argparse import ArgumentTypeError

    try:
        return tuple(int(word) for word in text.split(",") if word.strip())
    except ValueError as error:
        raise ArgumentTypeError(
            f"epochs are whole numbers with commas between them, such as 1,3,9, not {text!r}"
        ) from error
