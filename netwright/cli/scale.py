"""Scale a network to a budget, or to several for a family; nothing is trained.

NETWORK is a published name (`netwright models list`), a network.yaml, or a folder with one, such as a design's. The
budget is of flops, params or acts. Resolution, stem, head, strides and bottlenecks stay; the rule says how much of the
change goes into depth and how much into widths. "fast" (arXiv 2103.06877) is the usual one: it keeps the time on
accelerators low, which follows activations. What comes out is as near to the budget as whole blocks and groups allow.

  netwright scale regnet_x_400mf --flops 800M --out large.yaml       then: netwright train --model large.yaml
  netwright scale runs/design --params 1M --rule uniform             a smaller one of a design's pick
  netwright scale regnet_y_400mf --flops 200M 400M 800M 1.6G --out family
                                                                     a folder: a network.yaml each, and family.csv
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from netwright.cli.options import quantity

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]

_COSTS = {"flops": ("multiply-adds", "800M"), "params": ("parameters", "5M"), "acts": ("activations", "4M")}


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.arch.scaling import RULES

    parser.add_argument("network", metavar="NETWORK", help="a published name, a network.yaml, or a folder with one")
    budgets = parser.add_argument_group("budget (one of these, with one value or several)")
    for cost, (words, such) in _COSTS.items():
        budgets.add_argument(f"--{cost}", type=quantity, nargs="+", metavar="N", help=f"{words} to reach, e.g. {such}")
    for cost, (words, _) in _COSTS.items():
        parser.add_argument(f"--max_{cost}", type=quantity, metavar="N", help=f"{words} that are never exceeded")
    rules = "; ".join(f"{name}: {rule.text}" for name, rule in RULES.items())
    parser.add_argument("--rule", choices=list(RULES), default="fast", help=f"{rules} (default: %(default)s)")
    parser.add_argument(
        "--resolution", type=int, metavar="PIXELS", help="side of the input (default: the network's own)"
    )
    parser.add_argument("--out", metavar="FILE|DIR", help="a .yaml file; a folder for several budgets")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(options: Namespace, command: str) -> int:
    """Print the table, and write the networks where that is wanted."""
    from netwright.arch.family import family_table, scale_family, write_family
    from netwright.cli.next_commands import print_next, words

    limits = {cost: getattr(options, f"max_{cost}") for cost in _COSTS}
    family = scale_family(
        options.network,
        flops=options.flops,
        params=options.params,
        acts=options.acts,
        rule=options.rule,
        most={cost: limit for cost, limit in limits.items() if limit is not None},
        resolution=options.resolution,
    )
    written = write_family(family, options.out) if options.out is not None else []
    table = family_table(family)
    if options.json:
        rows = table.to_dict("records")
        networks = [row | {"network": each.arch.to_dict()} for row, each in zip(rows, family, strict=True)]
        print(json.dumps({"format": 1, "rule": options.rule, "networks": networks}, indent=2))
        return 0
    print(table.to_string(index=False))
    for each in family:
        reached = each.costs[each.cost]
        if abs(reached / each.budget - 1) > 0.1:
            print(
                f"{each.arch.name}: {reached:,} is the nearest that whole blocks, groups and limits allow",
                file=sys.stderr,
            )
    for path in written:
        print(path)
    if written:
        print_next(("train", f"--model {words(written[0])} --data_dir PHOTOS", "train it"))
    return 0
