"""How many networks a comparison needs, before any is trained, and what more of them buy.

The answer depends on how much errors vary. A pilot shows it: a run folder or a table of a population like those that
will be compared, a dozen networks for a start. Without one 4 points are assumed, or --spread.

  netwright plan runs/pilot --difference 1            a point of error must not be missed
  netwright plan --difference 2 --power 0.9           before there is any pilot
  netwright plan runs/pilot --margin 1 --trials 60    to show that two are alike; and what would 60 networks show?
  netwright plan table.csv --out plan.svg             the power as a chart (.svg, .png, .pdf), or .json

Looks on the way are taken by `netwright.stats.group_sequential` and `netwright.stats.sequential_means` in Python, and
by `netwright compare --sequential`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.table_flags import add_table_flags, print_notices, read_with_flags

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.analysis.planning import TrialPlan
    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """Add the flags of the command."""
    number = {"type": float, "metavar": "X"}
    parser.add_argument("pilot", metavar="RUN|TABLE", nargs="?", help="a population that shows how errors vary")
    parser.add_argument(
        "--difference",
        **number,
        default=1.0,
        help="of the means, that must not be missed, points (default: %(default)s)",
    )
    parser.add_argument("--power", **number, default=0.8, help="chance that it is shown (default: %(default)s)")
    parser.add_argument(
        "--confidence", **number, default=0.95, help="1 - chance of showing what is not there (default: %(default)s)"
    )
    parser.add_argument("--spread", **number, help="standard deviation of errors, points (default: the pilot's, or 4)")
    parser.add_argument(
        "--margin", **number, help="plan for equivalence too: a difference that does not matter, points"
    )
    parser.add_argument(
        "--looks", type=int, default=5, metavar="N", help="of the tests with looks on the way (default: %(default)s)"
    )
    parser.add_argument(
        "--trials", type=int, nargs="+", default=[], metavar="N", help="what these numbers of networks would show"
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--out", metavar="FILE", help="the power as a chart: .svg, .png or .pdf; or the plan as .json")
    add_table_flags(parser)
    parser.add_argument("--survivors", action="store_true", help="leave out networks that failed: the conditional view")


def run(options: Namespace, command: str) -> int:
    """Print the plan, and write it where that is wanted."""
    import json

    from netwright.analysis.plan_text import plan_text
    from netwright.analysis.planning import plan
    from netwright.errors import OutputError

    out = None if options.out is None else Path(options.out)
    if out is not None and out.suffix not in (".svg", ".png", ".pdf", ".json"):
        raise OutputError(f"a plan goes to a file ending in .svg, .png, .pdf or .json, not {out.name!r}. Rename it.")
    pilot = None if options.pilot is None else read_with_flags(options.pilot, options)
    if pilot is not None and options.survivors:
        pilot = pilot.of_survivors()
    found = plan(
        pilot,
        difference=options.difference,
        power=options.power,
        confidence=options.confidence,
        spread=options.spread,
        margin=options.margin,
        looks=options.looks,
        sizes=options.trials,
    )
    print(json.dumps(found.to_dict(), indent=2) if options.json else plan_text(found))
    if out is not None:
        _write(found, out)
    if options.json:
        return 0
    if pilot is not None:
        print_notices(pilot)
    if out is not None:
        print(f"plan: {out}")
    return 0


def _write(found: TrialPlan, out: Path) -> None:
    import json

    from netwright.system.atomic import write_bytes

    if out.suffix == ".json":
        data = json.dumps(found.to_dict(), indent=2).encode()
    else:
        from netwright.stats.plots import picture

        data = picture(found.plot(), out.suffix.removeprefix("."))
    write_bytes(out, data, what="the plan", elsewhere="another --out")
